import { writeFileSync } from 'node:fs'
import type { Mode } from '../core/events.ts'
import type { Network } from '../core/ports.ts'
import { systemResolver } from '../runtime/dns/index.ts'
import type { RuntimeNetwork } from '../runtime/index.ts'
import { DOMAINS } from './domains.ts'
import { CliError, EXIT } from './exit.ts'
import { canListen, connectWithin, resolveWithin } from './net-probe.ts'
import { say } from './output.ts'
import { makeSecret, renderSecret } from './secret.ts'

const PROBE_MS = 2000
const PORTS = [443, 8443] as const

/** Makes a secret and writes a configuration around it, for its owner alone. Nothing that exists is overwritten. */
export async function writeFirstConfig(file: string, network: RuntimeNetwork): Promise<void> {
  const [port, domain] = await Promise.all([choosePort(network), chooseDomain(network)])
  const mode: Mode = domain === undefined ? 'padded' : 'fake-tls'
  if (domain === undefined)
    say('No web site answers from here: the secret is a padded one, without a site to hide behind.')
  const text = `# Made at the first start. All keys: docs/configuration.md. After a change: palisade reload

[listen]
address = ["0.0.0.0:${port}", "[::]:${port}"]

${renderSecret(makeSecret('first', mode, domain ?? ''))}
`
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CliError(EXIT.failed, `cannot write ${file}: ${code ?? message}`)
  }
  say(`Wrote ${file} with one secret, readable by you alone.`)
}

async function choosePort(network: RuntimeNetwork): Promise<number> {
  const why = await canListen(network, { ip: '0.0.0.0', port: PORTS[0] })
  if (why === undefined) return PORTS[0]
  say(`Port ${PORTS[0]} cannot be used (${why.code}): taking ${PORTS[1]}.`)
  return PORTS[1]
}

/** All are asked at once; the first of the list that answered in time. */
async function chooseDomain(network: Network): Promise<string | undefined> {
  const answers = await Promise.all(
    DOMAINS.map(async (domain) => {
      const answer = await resolveWithin(systemResolver, domain, PROBE_MS)
      if (answer.kind !== 'addresses') return false
      return (await connectWithin(network, { ip: answer.ips[0], port: 443 }, PROBE_MS)) === undefined
    }),
  )
  return DOMAINS.find((_, i) => answers[i])
}
