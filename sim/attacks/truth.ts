/** Whose a connection really is: what the proxy has to find out, and the simulator knows. */
export interface Truth {
  readonly side: 'honest' | 'attack'
  /** Name of the group in the scenario file. */
  readonly group: string
}

/** Who comes from an address; `both`: an attacker among honest users. */
export type AddressTruth = Truth['side'] | 'both'
