import { createResolver } from '../../runtime/dns/index.ts'
import { formatDnsServer } from '../../config/values/dns-server.ts'
import { resolveWithin } from '../net-probe.ts'
import { PROBE_MS, type CheckInput, type Finding } from './finding.ts'

/** A name that this program looks up by itself. */
const NAME = 'core.telegram.org'

/** Whether each server of `dns.servers` answers. Where one does, the others are out of use until it fails. */
export async function checkDns({ loaded, trust }: CheckInput): Promise<readonly Finding[]> {
  const { servers } = loaded.config.dns
  const answers = await Promise.all(
    servers.map((server) => resolveWithin(createResolver([server], trust), NAME, PROBE_MS)),
  )
  const isAnyGood = answers.some(({ kind }) => kind !== 'failed')
  return answers.map((answer, i): Finding => {
    const server = formatDnsServer(servers[i])
    if (answer.kind !== 'failed') return { level: 'ok', check: 'dns', message: `${server} answers` }
    return { level: isAnyGood ? 'warn' : 'fail', check: 'dns', message: `${server} does not answer: ${answer.why}` }
  })
}
