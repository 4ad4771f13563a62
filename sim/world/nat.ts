import type { Address, PublicAddress, SeenAddress } from '../../src/core/ports.ts'
import type { World } from './world.ts'

const ANSWER_MS = 30
const SILENCE_MS = 3_500

/** A NAT in front of one host: how the outside sees it, and the STUN servers that tell it so. */
export class VirtualNat implements PublicAddress {
  /** How others see the host now. */
  outside: string
  /** What servers say in place of what they see; undefined: nothing. */
  readonly lies = new Map<string, string | undefined>()
  /** Questions asked, each of one server. */
  asked = 0
  readonly #world: World
  readonly #local: string

  constructor(world: World, local: string, outside: string) {
    this.#world = world
    this.#local = local
    this.outside = outside
  }

  /** A connection's remote address as the other end sees it. The NAT keeps ports. */
  readonly seen = (remote: Address): Address =>
    remote.ip === this.#local ? { ip: this.outside, port: remote.port } : remote

  find(
    { server, from = this.#local }: { readonly server: string; readonly from?: string },
    reply: (seen: SeenAddress | { readonly why: string }) => void,
  ): void {
    this.asked++
    const isLiar = this.lies.has(server)
    const ip = isLiar ? this.lies.get(server) : this.outside
    this.#world.after(ip === undefined ? SILENCE_MS : ANSWER_MS, () => {
      reply(ip === undefined ? { why: 'no answer' } : { local: from, ip, isPortKept: true })
    })
  }
}
