import { REQUESTS } from '../../../src/admin/requests.ts'
import { parsePrefix } from '../../../src/core/guard/sources/prefix.ts'
import { fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { must, type Target } from '../target.ts'

/** What commands to a running proxy say, as JSON of any kind. */
export const target: Target = {
  bytesMax: 300,
  work: { perByte: 2_000, fixed: 100_000 },
  seeds: () =>
    [
      ...['{"limit":10,"sort":"age","user":"a","ip":"192.0.2.0/24"}', '{"ids":["0.17","3.4"]}', '{"limit":5000}'],
      ...[
        '{"prefix":"2001:db8::/32","for_ms":600000}',
        '{"all":true}',
        '{"ip":"192.0.2.1"}',
        '{"last":1}',
        '[]',
        '1e999',
      ],
      '{"act":"rotate","actor":"root","token":"t","result":"ok","label":"l","generation":2}',
    ].map(fromAscii),
  tokens: [
    '"limit":',
    '"sort":',
    '"user":',
    '"ip":',
    '"ids":',
    '"prefix":',
    '"for_ms":',
    '"all":',
    '"last":',
    '"__proto__":',
    'null',
    '1e309',
    '{',
    '}',
    '[',
    ']',
    ',',
  ],
  run(input) {
    let args: unknown
    try {
      args = JSON.parse(toAscii(input))
    } catch {
      return 'no JSON'
    }
    return Object.entries(REQUESTS).map(([name, schema]) => {
      const read = schema.safeParse(args)
      if (!read.success) {
        must(read.error.issues.length > 0, 'refused, and not said why')
        return false
      }
      const found = read.data as { readonly prefix?: string; readonly ip?: string; readonly limit?: number }
      for (const prefix of [found.prefix, found.ip])
        must(prefix === undefined || parsePrefix(prefix) !== undefined, 'a prefix that the tables do not take')
      must(found.limit === undefined || (found.limit >= 1 && found.limit <= 5_000), 'a limit out of bounds')
      return [name, found]
    })
  },
}
