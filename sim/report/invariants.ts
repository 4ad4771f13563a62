/** Each checker has the whole of it. */
const WORDS: Readonly<Record<string, string>> = {
  I1: 'bytes come out as they went in, in order, both ways',
  I2: 'no byte of a client reaches a DC before everything said yes; of strangers none ever does',
  I3: 'nobody comes in beyond what their user may have, and what is counted is what is there',
  I4: 'nobody who is banned is recognised, whatever it says',
  I5: 'what is remembered of strangers takes the memory that was configured, however many come',
  I6: 'secrets tried in vain for one prefix stay within its budget',
  I7: 'a connection dialled ahead is handed out once, and places on links are given back',
  I8: 'every buffer is released once, and none is used after',
  I9: 'what waits for one slow reader is bounded',
  I10: 'accepted are those that are open and those that were closed, each told of once',
  I11: 'new settings end no live connection but those of secrets that are gone',
  I12: 'a hello or an init that was accepted is never accepted again',
  I13: 'one seed leaves one trace: the second time, and on the other runtime',
  I14: 'quotas are neither negative nor exceeded, and lose nothing in a crash',
  I15: 'who is not let in sees the mask site and nothing else: bytes, way of closing, class of time',
  I16: 'every session has one live deadline until it is closed, and it comes',
  I17: 'each ban of a source is longer than the one before, and all is forgotten in the end',
  I21: 'an outage of the vault ends no relay, lets nobody in, is held against nobody, and ends',
  I25: 'attempts to reach what has failed are bounded',
  I28: 'under overload newcomers are turned away by level, and no relay ends of it',
}

/** What an invariant says, in a few words; nothing for one that is missing here: its name has to do. */
export function invariantWords(name: string): string {
  return Object.hasOwn(WORDS, name) ? WORDS[name] : ''
}
