import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, runToEnd } from './child.ts'
import { until } from './wait.ts'

/** The loopback's packets are of 64 KiB, and a busy machine leaves many of them waiting: in two MiB they are lost. */
const KERNEL_MIB = 64

/** Packets to and from some ports of the loopback, as a censor on the line would keep them. */
export class Capture {
  readonly file: string
  readonly #folder: string
  readonly #sniffer: Child
  readonly #mark: Server

  private constructor(folder: string, file: string, sniffer: Child, mark: Server) {
    this.#folder = folder
    this.file = file
    this.#sniffer = sniffer
    this.#mark = mark
  }

  /** Returns once packets are seen: that of a connection to a port of its own. */
  static async start(ports: readonly number[]): Promise<Capture> {
    const mark = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(mark, 'listening')
    const folder = mkdtempSync(join(tmpdir(), 'palisade-capture-'))
    const file = join(folder, 'lo.pcap')
    const filter = [...ports, portOf(mark)].map((port) => `tcp port ${port}`).join(' or ')
    const shown = ['-P', '-l', '-T', 'fields', '-e', 'tcp.port']
    const kept = ['-B', String(KERNEL_MIB), '-F', 'pcap', '-w', file]
    const sniffer = new Child('tshark', ['-i', 'lo', '-n', '-q', '-f', filter, ...kept, ...shown])
    const capture = new Capture(folder, file, sniffer, mark)
    await capture.#seeMark()
    return capture
  }

  /** Everything that was on the line up to now is in the file then. */
  async stop(): Promise<void> {
    await this.#seeMark()
    this.#sniffer.signal('SIGTERM')
    await this.#sniffer.finish(15_000)
    this.#mark.close()
  }

  async remove(): Promise<void> {
    await this.#sniffer.kill()
    this.#mark.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Values of these fields, tab-separated, of all packets that fit; those ports are read as TLS. */
  async fields(filter: string, names: readonly string[], tlsPorts: readonly number[]): Promise<readonly string[][]> {
    const decode = tlsPorts.flatMap((port) => ['-d', `tcp.port==${port},tls`])
    const wanted = names.flatMap((name) => ['-e', name])
    const run = await runToEnd('tshark', ['-r', this.file, '-n', ...decode, '-Y', filter, '-T', 'fields', ...wanted])
    if (run.code !== 0) throw new Error(run.stderr)
    return run.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
  }

  /** Until a connection to our own port shows that was made after the call, and from no port that was seen before. */
  async #seeMark(): Promise<void> {
    const port = portOf(this.#mark)
    const before = new Set(this.#sniffer.stdout.all)
    const made = new Set<string>()
    await until('packets in the capture', async () => {
      const socket = connect({ host: '127.0.0.1', port })
      await once(socket, 'connect')
      const shown = `${socket.localPort},${port}`
      await once(socket.resume(), 'close')
      if (!before.has(shown)) made.add(shown)
      return this.#sniffer.stdout.all.some((line) => made.has(line))
    })
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
