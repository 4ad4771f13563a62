import { GUARD_MUTANTS } from './guard.ts'
import type { Mutant } from './mutant.ts'
import { MASK_MUTANTS } from './mask.ts'
import { OVERLOAD_MUTANTS } from './overload.ts'
import { PARSER_MUTANTS } from './parsers.ts'
import { PROBING_MUTANTS } from './probing.ts'
import { TRACE_MUTANTS } from './trace.ts'
import { USER_MUTANTS } from './users.ts'
import { VAULT_MUTANTS } from './vault.ts'
import { WORKER_MUTANTS } from './workers.ts'

export type { Mutant } from './mutant.ts'

/** Pins: the simulator has no TLS. A local CA and a site have. */
const PIN_TESTS = ['--project', 'contract', 'test/contract/ports.test.ts', '-t', 'pinning on Node']

const SESSION = 'src/core/session'
const AHEAD = 'src/core/telegram/dial-ahead.ts'
const PROTOCOL = 'src/core/protocol'

export const MUTANTS: readonly Mutant[] = [
  ...GUARD_MUTANTS,
  ...MASK_MUTANTS,
  ...OVERLOAD_MUTANTS,
  ...PARSER_MUTANTS,
  ...PROBING_MUTANTS,
  ...TRACE_MUTANTS,
  ...USER_MUTANTS,
  ...VAULT_MUTANTS,
  ...WORKER_MUTANTS,
  // Framing.
  {
    name: 'a packet that comes in pieces starts with the wrong one',
    invariant: 'I1',
    file: `${PROTOCOL}/gatherer.ts`,
    find: 'this.#held.held.set(part, at)',
    replace: 'this.#held.held.set(part, 0)',
  },
  {
    name: 'abridged frames read a request for a quick ack as length',
    invariant: 'I1',
    file: `${PROTOCOL}/framing/abridged.ts`,
    find: 'const short = head[0] & LONG_FROM',
    replace: 'const short = head[0]',
  },
  {
    name: 'long abridged frames lose the middle byte of their length',
    invariant: 'I1',
    file: `${PROTOCOL}/framing/abridged.ts`,
    find: 'frame[2] = words >> 8',
    replace: 'frame[2] = words >> 9',
  },
  {
    name: 'padding stays in the packet',
    invariant: 'I1',
    file: `${PROTOCOL}/framing/padded.ts`,
    find: 'keep: bytes - (bytes % 4)',
    replace: 'keep: bytes',
  },
  {
    name: 'an intermediate frame does not ask for the quick ack that was wanted',
    invariant: 'I1',
    file: `${PROTOCOL}/framing/intermediate.ts`,
    find: 'quickAck ? length | QUICK_ACK_BIT : length',
    replace: 'quickAck ? length | (QUICK_ACK_BIT >>> 1) : length',
  },
  {
    name: 'the payload of a second record in one read is not moved up',
    invariant: 'I1',
    file: `${PROTOCOL}/faketls/records.ts`,
    find: 'else chunk.copyWithin(end, at, at + length)',
    replace: 'else chunk.copyWithin(end, at, at + length - 1)',
  },
  {
    name: 'the last record of a long read has the length of a full one',
    invariant: 'I1',
    file: `${PROTOCOL}/faketls/records.ts`,
    find: 'writeHeader(out, to, end - at)',
    replace: 'writeHeader(out, to, RECORD_MAX)',
  },
  // Session.
  {
    name: 'an opening that was seen before is let in',
    invariant: 'I12',
    file: `${SESSION}/hello.ts`,
    find: "if (verdict === 'fresh') this.#answer",
    replace: "if (verdict !== 'full') this.#answer",
  },
  {
    name: 'a replayed init is let in',
    invariant: 'I12',
    file: `${SESSION}/hello.ts`,
    find: "INIT_IDENTITY.to)) !== 'fresh'",
    replace: "INIT_IDENTITY.to)) === 'nothing'",
  },
  {
    name: 'a replay with another stamp counts as new',
    invariant: 'I12',
    file: `${SESSION}/hello.ts`,
    find: 'const MAC_LENGTH = 28',
    replace: 'const MAC_LENGTH = 32',
  },
  {
    name: 'the clock of a hello does not matter',
    invariant: 'I15',
    file: `${SESSION}/hello.ts`,
    find: 'Math.abs(wall - stamp) > settings.mask.skewSec',
    replace: 'Math.abs(wall - stamp) < 0',
  },
  {
    name: 'a hello for another host is answered',
    invariant: 'I15',
    file: `${SESSION}/secrets.ts`,
    find: 'this.#byDomain.get(sni) ?? NONE',
    replace: 'this.#byDomain.get(sni) ?? this.#fakeTls',
  },
  {
    name: 'a secret is good for every mode',
    invariant: 'I2',
    also: 'I15',
    file: `${SESSION}/secrets.ts`,
    find: "|| !secret.modes.includes(mode)) return 'mode-not-allowed'",
    replace: ") return 'mode-not-allowed'",
  },
  {
    name: 'an expired secret is good',
    invariant: 'I2',
    also: 'I15',
    file: `${SESSION}/secrets.ts`,
    find: 'secret.expiresAt === 0 || wallSec < secret.expiresAt',
    replace: 'secret.expiresAt >= 0',
  },
  {
    name: 'who is discarded is reset',
    invariant: 'I15',
    file: `${SESSION}/discard.ts`,
    find: 'this.#session.client.end()',
    replace: 'this.#session.client.reset()',
  },
  {
    name: 'the DC is dialled before the init is judged',
    invariant: 'I2',
    file: `${SESSION}/hello.ts`,
    find: "if (match === 'failed') this.#reject('vault-failed', undefined, spent)",
    replace: `this.#session.services.dialer.open(2, { onOpen: (dc) => dc.handler, onFail() {} })
        if (match === 'failed') this.#reject('vault-failed', undefined, spent)`,
  },
  {
    name: 'a stage is left without giving back what it holds',
    invariant: 'I8',
    file: `${SESSION}/session.ts`,
    find: '    from.leave()\n    this.#stage = next',
    replace: '    this.#stage = next',
  },
  {
    name: 'dialling has no deadline',
    invariant: 'I16',
    file: `${SESSION}/opening.ts`,
    find: 'session.setDeadline(3 * settings.telegram.connectTimeoutMs)',
    replace: 'void settings',
  },
  {
    name: 'a connection that said nothing is never forgotten',
    invariant: 'I10',
    file: 'src/core/proxy.ts',
    find: 'this.#sessions.delete(session)',
    replace: 'if (session.fromClientBytes > 0) this.#sessions.delete(session)',
  },
  // Relay.
  {
    name: 'a client is not read again when its DC is there',
    invariant: 'I1',
    file: `${SESSION}/relay.ts`,
    find: 'else if (!this.#session.isHeld) this.#session.client.resume()',
    replace: 'else void this.#session.client',
  },
  {
    name: 'new bytes overtake those that wait',
    invariant: 'I1',
    file: `${SESSION}/outbox.ts`,
    find: 'const taken = this.#queue === undefined ? this.#connection.write(bytes) : 0',
    replace: 'const taken = this.#connection.write(bytes)',
  },
  {
    name: 'a buffer that was sent is not given back',
    invariant: 'I8',
    file: `${SESSION}/outbox.ts`,
    find: '      first.lease.release()\n',
    replace: '',
  },
  {
    name: 'a buffer is given back before it was sent whole',
    invariant: 'I8',
    file: `${SESSION}/outbox.ts`,
    find: 'queue.bytes -= taken\n      if',
    replace: 'queue.bytes -= taken\n      if (taken > 0 && first.start < first.end) first.lease.release()\n      if',
  },
  {
    name: 'a full reader does not stop its source',
    invariant: 'I9',
    file: `${SESSION}/pipe.ts`,
    find: `this.#isPaused = true
    this.#source.pause()`,
    replace: 'this.#isPaused = true',
  },
  {
    name: 'a paused source is never read again',
    invariant: 'I1',
    file: `${SESSION}/pipe.ts`,
    find: 'if (!this.#isHeld) this.#source.resume()',
    replace: 'void this.#source',
  },
  {
    name: 'a FIN behind waiting bytes is lost',
    invariant: 'I15',
    file: `${SESSION}/pipe.ts`,
    find: 'if (this.#hasEnded) this.#finish()\n    else if',
    replace: 'if',
  },
  {
    name: 'the first bytes of a client go to the DC as they came',
    invariant: 'I1',
    file: `${SESSION}/relay.ts`,
    find: 'this.#toDc.update(this.#fromClient.update(this.#early.bytes.subarray(0, length)))',
    replace: 'this.#fromClient.update(this.#early.bytes.subarray(0, length)).slice()',
  },
  {
    name: 'a client that ends its direction ends everything',
    invariant: 'I1',
    file: `${SESSION}/relay.ts`,
    find: '  onEnd(): void {\n    this.#uplink.end()',
    replace: "  onEnd(): void {\n    this.#session.close('eof', 'relayed')\n    this.#uplink.end()",
  },
  {
    name: 'two buffers of a slab share a cache line',
    invariant: 'I1',
    file: 'src/core/memory/slabs.ts',
    find: 'new Uint8Array(buffer, at, pieceBytes)',
    replace: 'new Uint8Array(buffer, Math.max(0, at - 64), pieceBytes)',
  },
  {
    name: 'a buffer of a stage that ended is not given back',
    invariant: 'I8',
    file: `${SESSION}/leased-assembly.ts`,
    find: '    this.#isClosed = true\n    this.release()',
    replace: '    this.#isClosed = true',
  },
  // Middle proxies.
  {
    name: 'answers on a link go to the client beside',
    invariant: 'I1',
    file: 'src/core/telegram/middle/link.ts',
    find: 'const client = this.#clients.get(Number(connection))',
    replace: 'const client = this.#clients.get(Number(connection) + 1) ?? this.#clients.get(Number(connection))',
  },
  {
    name: 'requests are sent twice',
    invariant: 'I1',
    file: `${SESSION}/middle-relay.ts`,
    find: '    slot.link.add(this.#request(message, slot.id))\n',
    replace: '    for (const again of [message, message]) slot.link.add(this.#request(again, slot.id))\n',
  },
  {
    name: 'a client that left keeps its place on the link',
    invariant: 'I7',
    file: `${SESSION}/middle-relay.ts`,
    find: '    if (this.#slot !== undefined) this.#slot.link.detach(this.#slot)\n',
    replace: '',
  },
  {
    name: 'a place on a link that was given back is given again',
    invariant: 'I7',
    also: 'I1',
    file: 'src/core/telegram/middle/link.ts',
    find: 'const id = this.#nextId++',
    replace: 'const id = this.#clients.size + this.#nextId++ * 0 + 1',
  },
  // Dialled ahead.
  {
    name: 'a connection dialled ahead is handed out twice',
    invariant: 'I7',
    also: 'I1',
    file: AHEAD,
    find: 'const waiting = stock.ready.pop()',
    replace: 'const waiting = stock.ready.at(-1)',
  },
  {
    name: 'a connection that its DC has half closed is handed out',
    invariant: 'I7',
    file: AHEAD,
    find: 'onEnd: drop, onClose: drop',
    replace: 'onEnd() {}, onClose: drop',
  },
  {
    name: 'a connection that broke while it waited is handed out',
    invariant: 'I7',
    file: AHEAD,
    find: 'onEnd: drop, onClose: drop',
    replace: 'onEnd: drop, onClose() {}',
  },
  {
    name: 'a connection dialled ahead never gets old',
    invariant: 'I7',
    file: AHEAD,
    find: 'now - stock.ready[0].since >= STALE_MS',
    replace: 'now - stock.ready[0].since >= 100 * STALE_MS',
  },
  // A bit turned over.
  {
    name: 'a frame with another checksum is taken',
    invariant: 'I1',
    file: `${PROTOCOL}/rpc/frame.ts`,
    find: 'checksum !== read32le(rest, end)',
    replace: 'checksum < 0',
    tests: ['--project', 'unit', 'test/sim/link-faults.test.ts', '-t', 'shows a bit'],
  },
  // Turns on a link.
  {
    name: 'whoever had a turn and wants more is the next again',
    invariant: 'I26',
    file: 'src/core/telegram/middle/link.ts',
    find: 'this.#waiting.push(id)',
    replace: 'this.#waiting.unshift(id)',
    tests: ['--project', 'unit', 'test/core/telegram/turns.test.ts'],
  },
  // Pins.
  {
    name: 'a host is asked before its certificate was judged',
    invariant: 'I22',
    file: 'src/runtime/https/dial.ts',
    find: "socket.on('close', onClose)\n",
    replace: "socket.on('close', onClose)\n  socket.write('GET / HTTP/1.1\\r\\n')\n",
    tests: PIN_TESTS,
  },
  {
    name: 'what the judge says does not matter',
    invariant: 'I22',
    file: 'src/runtime/https/dial.ts',
    find: 'problem === undefined ? judge(readChain(dersOf(leaf))) : plainText',
    replace: 'problem === undefined ? (judge(readChain(dersOf(leaf))), undefined) : plainText',
    tests: PIN_TESTS,
  },
  {
    name: 'a host with one pin is contacted when pinning is strict',
    invariant: 'I22',
    file: 'src/trust/pins.ts',
    find: 'export const VALID_PINS_MIN = 2',
    replace: 'export const VALID_PINS_MIN = 1',
    tests: PIN_TESTS,
  },
  {
    name: 'a pin whose time is over counts',
    invariant: 'I22',
    file: 'src/trust/pins.ts',
    find: 'nowSec >= fromSec && nowSec < untilSec',
    replace: 'nowSec >= fromSec && untilSec > 0',
    tests: PIN_TESTS,
  },
  // Around them.
  {
    name: 'after a loss of power everything that was forgotten is new',
    invariant: 'I12',
    file: 'src/core/guard/replay.ts',
    find: "if (region.origin === 'kept' && isOurs) return",
    replace: 'if (isOurs) return',
  },
  {
    name: 'an endpoint that fails is tried by everybody',
    invariant: 'I25',
    file: 'src/core/telegram/backoff.ts',
    find: 'endpoint.until = now + this.#pauseMs(endpoint.failures)\n    if',
    replace: 'endpoint.until = now\n    if',
  },
  {
    name: 'a resolver that fails takes the address away',
    invariant: 'I15',
    file: 'src/core/names.ts',
    find: 'if (now >= name.servesUntil)',
    replace: 'if (now >= 0)',
  },
  {
    name: 'a drain waits for whoever stays',
    invariant: 'I10',
    file: 'src/core/proxy.ts',
    find: 'wheel.arm(this.#drainTimer, clock.mono() + settings.listen.drainTimeoutMs)',
    replace: 'void [wheel, clock, settings]',
  },
  {
    name: 'jitter is drawn from elsewhere',
    invariant: 'I13',
    file: `${SESSION}/jitter.ts`,
    find: 'random.below(3001)',
    replace: '(random, Math.floor(Math.random() * 3001))',
  },
]
