import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from './child.ts'
import { Recorder } from './recorder.ts'

/** A real web site over TLS with a certificate of its own, as the site that the proxy hides behind. */
export class MaskSite {
  static readonly page = '<!doctype html><title>A harmless page</title><p>Nothing to see here.\n'
  /** What is at `/file`. */
  static readonly file = Buffer.alloc(3_000_000, 'Nothing to see here either. ')
  readonly fingerprint: string
  /** Everything that reaches the site passes here; its port is the site's. */
  readonly tap: Recorder
  readonly #server: Server

  private constructor(server: Server, tap: Recorder, certificate: Buffer) {
    this.#server = server
    this.tap = tap
    this.fingerprint = new X509Certificate(certificate).fingerprint256
  }

  static async start(domain: string): Promise<MaskSite> {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-mask-'))
    const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ]
    const names = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`]
    const made = await runToEnd('openssl', [...request, ...names, '-keyout', keyFile, '-out', certificateFile])
    if (made.code !== 0) throw new Error(made.stderr)
    const certificate = readFileSync(certificateFile)
    const server = createServer({ key: readFileSync(keyFile), cert: certificate }, ({ url }, response) => {
      response.setHeader('content-type', 'text/html').end(url === '/file' ? MaskSite.file : MaskSite.page)
    })
    rmSync(folder, { recursive: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new MaskSite(server, await Recorder.start((server.address() as AddressInfo).port), certificate)
  }

  get port(): number {
    return this.tap.port
  }
  close(): void {
    this.tap.close()
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
