import type { Address } from '../../src/core/ports.ts'
import type { ClientBackend, ClientInput, ClientOutput } from './client-session.ts'
import { answerTo, quickAckOf, readPart, writePart, type Part } from './talk.ts'

export interface TalkBackendOptions {
  /** Where its middle proxy was dialled. */
  readonly at: Address
  readonly onPart: (part: Part, at: Address) => void
  readonly onNonsense: (what: string) => void
  /** Part that comes next, by talk: a client that moves to another link goes on where it was. */
  readonly next: Map<number, number>
}

/** A DC behind a middle proxy that knows every byte it must be sent. */
export class TalkBackend implements ClientBackend {
  readonly #options: TalkBackendOptions

  constructor(options: TalkBackendOptions) {
    this.#options = options
  }

  open(_dc: number, output: ClientOutput): ClientInput {
    return { take: (packet, quickAck) => this.#take(packet, quickAck, output) }
  }

  #take(packet: Uint8Array, quickAck: boolean, output: ClientOutput): void {
    const { at, next, onPart, onNonsense } = this.#options
    const part = readPart(packet, 'to-dc')
    if (typeof part === 'string') {
      onNonsense(`${part} by middle proxy`)
      return
    }
    const wanted = next.get(part.talk) ?? 0
    // Replayed recordings begin anew: they were let in as what they are, which other checkers judge.
    if (part.sequence !== wanted && part.sequence !== 0) {
      onNonsense(`part ${part.sequence} of talk ${part.talk} where ${wanted} comes next, by middle proxy`)
      return
    }
    next.set(part.talk, part.sequence + 1)
    onPart(part, at)
    if (quickAck) output.quickAck(quickAckOf(part))
    output.packet(writePart(answerTo(part), 'to-client'))
  }
}
