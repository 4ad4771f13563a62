import type { Status } from '../../admin/commands.ts'
import { formatAddress } from '../../config/values/net.ts'
import { askRunning } from '../admin-client.ts'
import { canListen } from '../net-probe.ts'
import type { CheckInput, Finding } from './finding.ts'

/** Whether every address can be listened on; one that our own running proxy holds is fine. */
export async function checkPorts({ loaded, network }: CheckInput): Promise<readonly Finding[]> {
  const { listen, metrics, admin } = loaded.config
  const running = (await askRunning(admin.socket, 'status').catch(() => undefined)) as Status | undefined
  const held = running === undefined ? [] : [...running.listening, running.metrics]
  const addresses = metrics.listen === undefined ? listen.address : [...listen.address, metrics.listen]
  return Promise.all(
    addresses.map(async (address): Promise<Finding> => {
      const text = formatAddress(address)
      if (held.includes(text)) return { level: 'ok', check: 'ports', message: `${text} is held by the running proxy` }
      const error = await canListen(network, address)
      if (error === undefined) return { level: 'ok', check: 'ports', message: `${text} can be listened on` }
      const isMissing = address.ip === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(error.code)
      return { level: isMissing ? 'warn' : 'fail', check: 'ports', message: error.message }
    }),
  )
}
