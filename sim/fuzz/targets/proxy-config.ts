import { formatIp, isPrivate, parseIp } from '../../../src/core/address.ts'
import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { parseProxyConfig, PROBLEMS_MAX, type ProxyConfig } from '../../../src/core/protocol/rpc/proxy-config.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const FILE = `# force_probability 10 10
default 2;
proxy_for 1 198.51.100.1:8888;
proxy_for -1 198.51.100.1:8888;
proxy_for 2 198.51.100.2:80;
proxy_for 203 198.51.100.3:443;
`
const FILE_V6 = `timeout 300; min_connections 1;
max_connections 4; default 4;
proxy_for 4 [2001:db8::4]:8888;
proxy [2001:db8::5]:8888;
`

/** The file proxy-multi.conf of both families, first byte: bit 0 is the family, bit 1 whether it may lead into our network. */
export const target: Target = {
  bytesMax: 1024,
  seeds: () => [
    fromAscii(`0${FILE}`),
    fromAscii(`1${FILE_V6}`),
    fromAscii('2default 1;proxy_for 1 10.0.0.1:1;'),
    fromAscii('0proxy_for 1 192.0.2.1:80;default 7;'),
  ],
  run(input) {
    const head = input[0] ?? 0
    const [family, mayBePrivate] = [(head & 1) === 1 ? 6 : 4, (head & 2) !== 0] as const
    const result = parseProxyConfig(input.subarray(1), { family, mayBePrivate })
    if ('problems' in result) {
      const lines = input.subarray(1).filter((byte) => byte === 0x0a).length + 1
      must(result.problems.length > 0 && result.problems.length <= PROBLEMS_MAX, 'no problem, or too many')
      for (const { line, found } of result.problems) {
        must(line >= 0 && line <= lines, 'a problem in a line that is not there')
        must(/^[\x20-\x7e]{0,40}$/.test(found), 'a problem that is shown badly')
      }
      return result
    }
    const { config } = result
    must(config.clusters.has(config.defaultDc), 'a default without targets')
    for (const { ip, port } of [...config.clusters.values()].flat()) {
      const bytes = parseIp(ip)
      must(bytes?.length === (family === 4 ? 4 : 16) && formatIp(bytes) === ip, 'a target of the other family')
      must(mayBePrivate || !isPrivate(bytes), 'a target in our network')
      must(port >= 1 && port <= 65_535, 'a port that is none')
    }
    for (const [dc, cluster] of config.clusters) {
      must(Number.isInteger(dc) && Math.abs(dc) <= 0x8000, 'a DC that no client can name')
      must(new Set(cluster.map(({ ip, port }) => `${ip} ${port}`)).size === cluster.length, 'a target twice')
    }
    mustBeSame(parseProxyConfig(fromAscii(printed(config)), { family, mayBePrivate }), result, 'printed and read again')
    return config
  },
}

function printed({ clusters, defaultDc }: ProxyConfig): string {
  const targets = [...clusters].flatMap(([dc, cluster]) =>
    cluster.map(({ ip, port }) => `proxy_for ${dc} ${ip.includes(':') ? `[${ip}]` : ip}:${port};\n`),
  )
  return `${targets.join('')}default ${defaultDc};`
}
