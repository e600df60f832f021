"""What callers ask about the restaurant and about the system, by the topic of the fact that answers it."""

from llm.demo.corpus.call import Wordings, wordings

_TOPICS = {
    "parking": """is there parking; do you have parking; where can i park; where can i park my car
        can i park there; is there a parking lot; how is the parking; can i leave my car there
        i am coming by car where do i park; tell me about parking; is parking free; what about parking
        ~do you have a parking lot; ~where do i put my car""",
    "wifi": """do you have wifi; is there wifi; is there internet; what is the wifi password
        can i use the internet there; can i go online there; is the wifi free; do you have internet
        ~is there free wifi; ~can i use your wifi""",
    "dogs": """can i bring my dog; are dogs allowed; do you allow dogs; may i bring a dog
        is my dog welcome; are pets allowed; can my dog come; do you allow pets; i have a dog can it come
        ~are dogs welcome; ~can we bring our dog""",
    "children": """can i bring my children; are children welcome; is there something for children
        are kids allowed; can i bring my kids; do you have a children's menu; is it good for families
        do you have food for kids; i am coming with children; what do you have for children
        ~are kids welcome; ~is there a kids menu""",
    "high chair": """do you have a high chair; do you have high chairs; i need a high chair
        is there a chair for a baby; where can my baby sit; can i get a high chair; ~are there high chairs
        ~we need a high chair""",
    "wheelchair": """is it wheelchair accessible; can i come with a wheelchair; is there a ramp
        are there stairs; i use a wheelchair; my mother uses a wheelchair; is there an elevator
        do you have wheelchair access; ~is there wheelchair access; ~can i get in with a wheelchair""",
    "smoking": """can i smoke; is smoking allowed; where can i smoke; do you have a smoking area
        may i smoke there; can we smoke there; is there a place to smoke; ~are smokers welcome
        ~can i smoke outside""",
    "cards": """can i pay by card; do you take cards; do you take credit cards
        can i pay with a credit card; do you accept cards; which cards do you take; how can i pay
        can i pay with my phone; can i pay with my card; what payment do you accept
        ~do you accept credit cards; ~is paying by card possible""",
    "cash": """can i pay cash; do you take cash; is cash okay; do you accept cash; can i pay in cash
        do i need cash; ~may i pay cash; ~is cash accepted""",
    "tip": """should i tip; how much should i tip; is the tip included; do i have to tip
        is service included; what tip is normal; how much tip do i leave; ~do you expect a tip
        ~is a tip included""",
    "music": """do you have live music; is there music; is there live music; when is there live music
        does a band play; who plays music there; is there a piano; what music do you play
        ~do you play music; ~is there music in the evening""",
    "terrace": """can we sit outside; do you have a terrace; is there a garden; do you have tables outside
        can i sit outside; is there outdoor seating; can we eat outside; are there tables outside
        do you have a patio; ~is there a terrace; ~can we have a table outside""",
    "vegetarian": """do you have vegetarian food; is there something vegetarian; what is vegetarian
        i am vegetarian; do you have vegetarian dishes; what can a vegetarian eat; i don't eat meat
        do you have food without meat; which dishes are vegetarian; ~are there vegetarian dishes
        ~what do you have for vegetarians""",
    "vegan": """do you have vegan food; is there something vegan; i am vegan; what is vegan
        what can a vegan eat; do you have vegan dishes; which dishes are vegan; are you vegan friendly
        ~are there vegan dishes; ~what do you have for vegans""",
    "gluten": """do you have gluten free food; is there something without gluten; i can't eat gluten
        i don't eat gluten; what is gluten free; which dishes are gluten free
        do you have gluten free bread; ~are there gluten free dishes; ~what can i eat without gluten""",
    "allergies": """i have an allergy; i am allergic to nuts; what about allergies
        i'm allergic to something; do you know about allergies; my son is allergic
        can you cook for people with allergies; i can't eat nuts; ~what if i have an allergy
        ~we have an allergy; i have a nut allergy""",
    "food menu": """what is on the menu; do you have a menu; what food do you have
        what kind of food do you have; what do you serve; what can i eat there; tell me the menu
        what's on the menu; what food is there; what kind of restaurant is it; ~what dishes do you have
        ~what can we eat; what do you cook""",
    "wine": """do you have wine; which wine do you have; what wines do you have; do you serve wine
        is there good wine; tell me about the wine; do you have red wine; do you have a wine list
        ~what wine do you serve; ~can i see the wine list; how much is the wine""",
    "beer": """do you have beer; which beer do you have; what beer do you have; do you serve beer
        is there beer; do you have beer on tap; tell me about the beer; how much is a beer
        ~what kind of beer do you have; ~can i get a beer""",
    "cocktails": """do you have cocktails; do you make cocktails; is there a bar
        which cocktails do you have; can i get a cocktail; do you serve cocktails; do you have a bar
        ~what cocktails are there; ~can we have cocktails""",
    "coffee": """do you have coffee; do you serve coffee; can i get a coffee; is the coffee good
        what coffee do you have; do you have espresso; ~is there coffee; ~do you make coffee""",
    "dessert": """what do you have for dessert; do you have dessert; which desserts do you have
        is there dessert; do you have something sweet; what desserts are there; what sweets do you have
        ~what is for dessert; ~do you have desserts""",
    "breakfast": """do you have breakfast; do you serve breakfast; when is breakfast
        can i come for breakfast; can i have breakfast there; is there breakfast; what time is breakfast
        ~do you do breakfast; ~can we get breakfast""",
    "lunch": """do you serve lunch; when is lunch; can i come for lunch; do you have a lunch menu
        is there lunch; what time is lunch; do you have lunch; are you open for lunch; ~do you do lunch
        ~can we come for lunch""",
    "kitchen": """when does the kitchen close; until when can i eat; how late can we order
        how long is the kitchen open; when is the last order; until when is there warm food
        ~when do you stop cooking; ~how late is the kitchen open""",
    "hours": """when are you open; what are your opening hours; when do you open; when do you close
        are you open now; what are your hours; until when are you open; are you open
        when does the restaurant open; how late are you open; when does the restaurant close
        how long are you open; tell me your opening hours; ~what are the opening hours
        ~what time do you open; what time do you close; are you still open""",
    "address": """where is the restaurant; where are you; what is your address; what is the address
        how do i find you; where is your restaurant; where are you located
        how do i get to the restaurant; how do i get there; what street are you on
        give me the address; where do i have to go; can you tell me the address
        ~can you give me the address; ~where can i find the restaurant""",
    "phone": """what is your phone number; what's your number; can i have your phone number
        how can i call you; what is the phone number of the restaurant; give me your phone number
        ~can you give me your phone number; ~tell me the phone number""",
    "email": """what is your email; what is your email address; can i write you an email
        do you have an email address; where can i write to; ~can i send you an email
        ~tell me your email address""",
    "website": """do you have a website; what is your website; where can i find you online
        are you on the internet; can i see the menu online; ~what is your web page; ~tell me your website""",
    "chef": """who is the chef; who cooks; who is the cook; who is cooking; tell me about the chef
        how many cooks do you have; who makes the food; ~who is in the kitchen
        ~what is the name of the chef""",
    "owner": """who is the owner; who owns the restaurant; who is the boss; who runs the restaurant
        whose restaurant is it; who is your boss; ~who is the owner of the restaurant
        ~tell me about the owner""",
    "history": """how old is the restaurant; when did you open the restaurant
        since when is there the restaurant; tell me about the restaurant
        how long has the restaurant been there; what is the history of the restaurant
        ~when was the restaurant opened; ~tell me the history of the restaurant""",
    "name": """what is the name of the restaurant; what is the restaurant called; which restaurant is it
        which restaurant is this; what's the name of the restaurant; what restaurant am i calling
        ~how is the restaurant called; ~tell me the name of the restaurant""",
    "seats": """how many seats do you have; how big is the restaurant; how many people fit in
        how many tables do you have; how large is the restaurant; how many tables are there
        ~how many seats are there; ~is it a big restaurant""",
    "party": """can i have a party there; do you have a room for a party; do you do weddings
        can we celebrate there; do you have a private room; can i rent the restaurant; we are a big group
        do you have a room for groups; ~do you do private parties; ~is there a private room""",
    "birthday": """do you do birthdays; it is my birthday; can you make a birthday cake
        is there something for birthdays; do you have a birthday cake; it's my wife's birthday
        what do you do for birthdays; ~do you celebrate birthdays; ~can i get a birthday cake""",
    "gift card": """do you have gift cards; can i buy a gift card; do you sell gift cards
        i want to buy a gift card; how do i get a gift card; do you take gift cards
        ~where can i get a gift card; ~are there gift cards""",
    "takeout": """do you do takeout; can i take the food home; do you have takeout; can i get food to go
        is there takeout; can i pick up food; do you have food to go; ~can i order takeout
        ~do you offer takeout""",
    "delivery": """do you deliver; do you have delivery; can you deliver food
        can you bring the food to my house; is there delivery; do you deliver to my house
        do you bring food home; ~do you offer delivery; ~can i get the food delivered""",
    "catering": """do you do catering; do you have catering; can you cook for my party; do you cater
        can you cater our wedding; ~do you offer catering; ~is there a catering service""",
    "dress code": """what should i wear; is there a dress code; do i need a tie; can i come in shorts
        do i need a jacket; what do people wear there; ~what is the dress code; ~do you have a dress code""",
    "walk in": """can i come without a reservation; do i need a reservation; can i just walk in
        do i have to reserve; do you take people without a reservation; is a reservation necessary
        ~can we just come by; ~do we need a reservation""",
    "late": """what if i am late; how long do you keep the table; what happens if we are late
        can i come later; how long do you hold the table; we will be late; i will be late
        ~what happens if i come late; ~is it okay to be late""",
    "happy hour": """do you have a happy hour; when is happy hour; is there a happy hour
        what is the happy hour; ~tell me about happy hour; ~what time is happy hour""",
    "special": """what is the special; what is today's special; do you have a special
        what do you recommend; what is good here; what is the dish of the day
        what is your best dish; ~can you recommend something; ~what are the specials
        which dish is the best""",
    "jobs": """do you have jobs; are you hiring; can i work for you; i am looking for a job
        do you need a waiter; i want to work at the restaurant; ~do you have work; ~can i get a job""",
    "lost and found": """i lost my coat in the restaurant; i left my bag at the restaurant
        did you find my umbrella; i forgot my jacket at the restaurant; do you have a lost and found
        i left my phone at the restaurant; ~i lost my bag in the restaurant; ~did somebody find my coat""",
    "restroom": """where is the restroom; where is the bathroom; do you have a restroom
        where are the toilets; is there a bathroom; ~where is the toilet; ~do you have toilets""",
    "subway": """which bus goes there; how do i get there by bus; is there a subway
        how do i get there by train; is there a bus; which subway station is near; can i come by train
        can i come by bus; ~is there a bus stop; ~how do i come by subway""",
    "discount": """do you have a discount; is there a discount for students; do students pay less
        do you have coupons; i have a coupon; do seniors get a discount; ~is there a discount
        ~can i get a discount""",
    "holidays": """are you open on holidays; are you open on christmas; are you open on new year's eve
        are you closed on holidays; do you open on thanksgiving; ~are you open at christmas
        ~what about holidays""",
    "air conditioning": """do you have air conditioning; is there air conditioning; is it cool inside
        is it hot inside; ~is the restaurant air conditioned; ~is there an air conditioner""",
    "speech recognition": """how do you hear me; which speech recognition do you use
        how do you understand me; what do you hear with; what is your speech recognition
        what are your ears; ~how does your hearing work; ~which speech recognizer do you use""",
    "voice": """what voice is this; how do you speak; whose voice is this; what voice do you use
        which voice do you use; how do you make your voice; why do you sound like that
        ~what is your voice; ~how does your voice work""",
    "license": """what is your license; are you open source; is your code open; can i use your code
        are you free software; what license do you have; how is the license; ~under which license are you
        ~is the code free""",
    "source code": """where is your code; what are you written in; which language are you written in
        where can i get your code; what programming language are you made in; can i see your code
        ~where is your source code; ~in which language are you programmed""",
    "private data": """who hears what i say; where does my data go; does my voice leave this computer
        are you private; do you send my data somewhere; what happens to my data; ~is this private
        ~where do my words go""",
    "hardware": """do you need a graphics card; which computer do you need; what hardware do you need
        do you need a g p u; how much memory do you need; can you run on my computer
        ~what computer do i need; ~do you run on a laptop""",
    "offline": """do you need the internet; do you work offline; are you in the cloud
        do you need a connection; can you work without internet; ~do you work without the internet
        ~are you online""",
    "latency": """how long do you take to answer; how many seconds until you answer; what is your latency
        how quickly do you answer; how long until you answer; ~how quick are you
        ~what is your response time""",
    "interruption": """can i interrupt you; what happens when i interrupt you; may i interrupt you
        do you stop when i speak; ~can i talk over you; ~what if i interrupt you""",
}  # fmt: skip
TOPICS: dict[str, Wordings] = {topic: wordings(ways) for topic, ways in _TOPICS.items()}

PRICE = wordings("""how much is the {x}; what does the {x} cost; how much does the {x} cost
    what is the price of the {x}; how much is a {x}; what does a {x} cost
    how much do you charge for the {x}; how expensive is the {x}; tell me the price of the {x}
    what's the price of the {x}; how much for the {x}; is the {x} expensive; price of the {x}
    how much does a {x} cost; how much are the {x}; how much money is the {x}; ~what do i pay for the {x}
    ~what is the {x} price; ~what would a {x} cost; ~can you tell me the price of the {x}""")
INGREDIENTS = wordings("""what is in the {x}; what's in the {x}; what is the {x} made of
    are there nuts in the {x}; is the {x} vegetarian; is the {x} vegan; is the {x} spicy
    does the {x} have meat; does the {x} have nuts; what are the ingredients of the {x}
    is there meat in the {x}; is there milk in the {x}; is the {x} gluten free
    does the {x} contain gluten; what do you put in the {x}; what comes with the {x}
    does the {x} have onions in it; does the {x} contain eggs; can a vegetarian eat the {x}
    how do you make the {x}; ~are there eggs in the {x}; ~does the {x} contain nuts
    ~is there cheese in the {x}; ~tell me what is in the {x}""")
DISH = wordings("""do you have {x}; do you serve {x}; tell me about the {x}; is there {x}
    have you got {x}; do you have the {x}; how is the {x}; is the {x} good; can i have the {x}
    i would like the {x}; can i get {x}; what about {x} on the menu; do you cook {x}; is {x} on the menu
    i want to eat {x}; ~is there {x} on the menu; ~do you also have {x}; ~do you make {x}
    ~what do you know about the {x}""")
CITY_ADDRESS = wordings("""do you have a restaurant in {city}; where are you in {city}
    where is your restaurant in {city}; what is your address in {city}; is there a restaurant in {city}
    where is the restaurant in {city}; are you in {city}; is there one in {city}
    do you have a place in {city}; are you also in {city}; tell me the address in {city}
    how do i find you in {city}; where can i find you in {city}; is there a branch in {city}
    what about {city}; ~what is the address of the restaurant in {city}; ~are you in {city} too
    ~do you have a branch in {city}""")
CITY_HOURS = wordings("""when are you open in {city}; when is the restaurant in {city} open
    what are the hours in {city}; when do you open in {city}; when do you close in {city}
    how late are you open in {city}; what are your opening hours in {city}
    when does the restaurant in {city} close; are you open in {city}; ~what are your hours in {city}
    ~until when are you open in {city}; ~what time do you open in {city}""")
DAY_HOURS = wordings("""are you open on {day}; when are you open on {day}; when do you open on {day}
    when do you close on {day}; what are your hours on {day}; until when are you open on {day}
    how late are you open on {day}; are you closed on {day}; what are the opening hours on {day}
    is the restaurant open on {day}; when can i come on {day}; ~do you open on {day}
    ~is the restaurant closed on {day}; ~what time do you open on {day}""")
AND_DISH = wordings("""and the {x}; what about the {x}; how about the {x}; and what about the {x}; the {x}
    and {x}; and for the {x}; ~and how about the {x}; ~now the {x}""")
AND_CITY = wordings("""and in {city}; what about {city}; how about {city}; and what about {city}
    in {city}; and {city}; ~and how about {city}; ~now in {city}""")
AND_DAY = wordings("""and on {day}; what about {day}; how about {day}; and what about {day}; and {day}
    on {day}; ~and how about {day}; ~now on {day}""")
