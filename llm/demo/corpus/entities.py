"""Cities and dishes of the restaurant: words that the ear knows and that no training call has.

The model learns to copy from rare words and invented ones (`names`); these are for the scores, for the
ear's language model, and for the agent's own facts.
"""

from llm.demo.corpus.spoken import words

CITIES = words(
    """boston chicago denver dallas houston seattle portland phoenix atlanta miami orlando tampa memphis
    nashville detroit cleveland columbus cincinnati pittsburgh philadelphia baltimore washington
    richmond raleigh charleston savannah jacksonville birmingham montgomery milwaukee minneapolis omaha
    wichita tulsa sacramento oakland fresno anaheim tucson albuquerque honolulu anchorage boise spokane
    buffalo rochester syracuse albany hartford providence newark trenton louisville lexington knoxville
    chattanooga indianapolis toledo dayton akron toronto montreal vancouver ottawa calgary winnipeg
    london manchester liverpool glasgow edinburgh dublin paris lyon marseille berlin hamburg munich
    frankfurt cologne vienna zurich geneva rome milan naples venice madrid barcelona lisbon athens
    istanbul moscow warsaw prague budapest stockholm oslo copenhagen helsinki amsterdam brussels tokyo
    kyoto osaka seoul beijing shanghai singapore bangkok sydney melbourne brisbane auckland cairo
    nairobi"""
)
DISHES = words(
    """lasagna risotto goulash tiramisu ravioli gnocchi moussaka carbonara minestrone strudel tortilla burrito
    gazpacho ratatouille fondue quiche souffle baguette brownie cheesecake meatballs meatloaf tenderloin
    salmon trout lobster shrimp calamari scallops clams oysters chowder dumplings noodles sushi teriyaki
    falafel hummus kebab pretzel bratwurst sauerkraut pancakes steak burger waffles omelet croissant
    muffin lemonade cappuccino sherbet sorbet custard pudding"""
)
MENU = (
    "{dish}", "{dish}", "{dish}", "grilled {dish}", "{dish} soup", "{dish} salad", "{dish} cake",
    "fried {dish}", "roasted {dish}", "{dish} pie", "{dish} sandwich", "house {dish}",
)  # fmt: skip
"""How a dish is called: its own word, alone or with a common one."""
