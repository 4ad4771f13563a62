import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate, type Certificate } from '../../src/trust/chain.ts'

/** A local CA, made anew by openssl: nothing of it can leak or run out. */

/** A key with its certificate, PEM, and what stands above it. */
export interface Identity {
  readonly key: string
  readonly certificate: string
  /** As a server sends it: this certificate and the intermediates above. */
  readonly chain: string
  readonly pins: Certificate
}

export interface LocalCa {
  /** Both are trusted by the client. */
  readonly root: Identity
  readonly otherRoot: Identity
  readonly intermediate: Identity
  /** Of the other root, with the name of the first one. */
  readonly namesake: Identity
  readonly leaf: Identity
  /** The next key of the same site, by the same intermediate. */
  readonly nextLeaf: Identity
  readonly localLeaf: Identity
  readonly rsaLeaf: Identity
  readonly namesakeLeaf: Identity
  readonly expiredLeaf: Identity
  readonly selfSigned: Identity
  /** Signed by the leaf, which is no CA. */
  readonly belowLeaf: Identity
}

export const SITE = 'pins.test'
/** A name that leads to loopback. */
export const LOCAL = 'localhost'

interface Order {
  readonly name: string
  readonly by?: Identity
  readonly isCa?: boolean
  readonly isRsa?: boolean
  readonly days?: number
}

const DAYS = 2

export function makeCa(): LocalCa {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-ca-'))
  try {
    const issue = (order: Order) => makeIdentity(folder, order)
    const root = issue({ name: 'Root', isCa: true })
    const otherRoot = issue({ name: 'Other root', isCa: true })
    const intermediate = issue({ name: 'Intermediate', isCa: true, by: root })
    const namesake = issue({ name: 'Intermediate', isCa: true, by: otherRoot })
    const leaf = issue({ name: SITE, by: intermediate })
    return {
      root,
      otherRoot,
      intermediate,
      namesake,
      leaf,
      nextLeaf: issue({ name: SITE, by: intermediate }),
      localLeaf: issue({ name: LOCAL, by: intermediate }),
      rsaLeaf: issue({ name: SITE, by: intermediate, isRsa: true }),
      namesakeLeaf: issue({ name: SITE, by: namesake }),
      expiredLeaf: issue({ name: SITE, by: intermediate, days: -1 }),
      selfSigned: issue({ name: SITE }),
      belowLeaf: issue({ name: SITE, by: leaf }),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function makeIdentity(folder: string, { name, by, isCa = false, isRsa = false, days = DAYS }: Order): Identity {
  const path = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const algorithm = isRsa ? ['RSA'] : ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
  openssl('genpkey', '-algorithm', ...algorithm, '-out', 'key.pem')
  openssl('req', '-new', '-key', 'key.pem', '-subj', `/CN=${name}`, '-out', 'request.pem')
  writeFileSync(path('extensions'), extensionsOf(name, isCa, by !== undefined))
  const signer = ['-key', by === undefined ? 'key.pem' : 'issuer.key']
  if (by !== undefined) {
    writeFileSync(path('issuer.key'), by.key)
    writeFileSync(path('issuer.pem'), by.certificate)
    signer.splice(0, 2, '-CA', 'issuer.pem', '-CAkey', 'issuer.key', '-CAcreateserial')
  } else signer[0] = '-signkey'
  const form = ['-days', String(days), '-extfile', 'extensions', '-out', 'certificate.pem']
  openssl('x509', '-req', '-in', 'request.pem', ...signer, ...form)
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((file) => readFileSync(path(file), 'utf8'))
  // A root is not sent.
  const above = by === undefined || by.pins.isSelfSigned ? '' : by.chain
  return { key, certificate, chain: certificate + above, pins: readCertificate(certificate)! }
}

function extensionsOf(name: string, isCa: boolean, hasIssuer: boolean): string {
  const lines = isCa ? ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign'] : [`subjectAltName=DNS:${name}`]
  // Without the identifier of the issuer's key, so that a namesake is told by its signature alone.
  return [...lines, ...(hasIssuer ? [] : ['subjectKeyIdentifier=hash']), ''].join('\n')
}
