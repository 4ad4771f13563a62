/** What attackers can do; each is one entry of `SCRIPTS`, but for the hog, which is a client, and the leech. */
export const KINDS = ['connect-flood', 'slowloris', 'garbage', 'replay', 'guess', 'probe', 'hog', 'leech'] as const
export type Kind = (typeof KINDS)[number]
