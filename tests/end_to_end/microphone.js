// In place of the Playground's media manager, whose code comes from a server that tests cannot reach: the
// browser's own microphone, behind the methods that the Playground's WebRTC transport calls.
window.testMicrophone = {
  callbacks: {},
  stream: null,
  supportsScreenShare: false,
  isMicEnabled: true,
  isCamEnabled: false,
  isSharingScreen: false,
  selectedMic: {},
  selectedCam: {},
  selectedSpeaker: {},

  setClientOptions(options) { this.callbacks = options.callbacks ?? {}; },
  setUserAudioCallback() {},

  async initialize() {
    if (this.stream) return;
    // Processing made for loudspeakers in a room would only change the recorded speech.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    const microphones = await this.getAllMics();
    this.selectedMic = microphones[0] ?? {};
    this.callbacks.onAvailableMicsUpdated?.(microphones);
    this.callbacks.onMicUpdated?.(this.selectedMic);
    this.callbacks.onTrackStarted?.(this.stream.getAudioTracks()[0], { id: "local", name: "", local: true });
  },
  async connect() { await this.initialize(); },
  async disconnect() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  },
  tracks() { return { local: { audio: this.stream?.getAudioTracks()[0] } }; },

  async devices(kind) {
    return (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind);
  },
  getAllMics() { return this.devices("audioinput"); },
  getAllCams() { return this.devices("videoinput"); },
  getAllSpeakers() { return this.devices("audiooutput"); },
  updateMic() {},
  updateCam() {},
  updateSpeaker() {},
  enableMic(on) {
    this.isMicEnabled = on;
    this.stream?.getAudioTracks().forEach((track) => { track.enabled = on; });
  },
  enableCam() {},
  enableScreenShare() {},
  async userStartedSpeaking() {},
  bufferBotAudio() {},
};
