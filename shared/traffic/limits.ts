/** Bounds on every untrusted value that may become part of a stored event. Lengths are UTF-8 bytes. */
export const trafficLimits = {
  /** RFC 5321 4.5.3.1.3 allows 256 octets for a path; SMTPUTF8 and odd servers need some room. */
  addressBytes: 512,
  userBytes: 255,
  hostNameBytes: 255,
  /** Longer Message-IDs were seen carrying content; they are kept as a hash only. */
  messageIdBytes: 255,
  sessionIdBytes: 128,
  queueIdBytes: 64,
  labelBytes: 64,
  sourcePositionBytes: 128,
} as const;
