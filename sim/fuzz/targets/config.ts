import { readFileSync } from 'node:fs'
import { load } from '../../../src/config/load.ts'
import { formatProblem, type Problem } from '../../../src/config/problem.ts'
import { SecretRegistry } from '../../../src/config/settings.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const FILE = 'palisade.toml'
const EXAMPLE = new URL('../../../fixtures/palisade.example.toml', import.meta.url)
const SMALL = `[listen]
address = ["0.0.0.0:443"]
[[secret]]
name = "a"
key = "00112233445566778899aabbccddeeff"
domain = "www.example.com"
`

/** A configuration, as TOML: a whole one, or problems that each say where; never a key in what is said. */
export const target: Target = {
  bytesMax: 4096,
  work: { perByte: 6_000, fixed: 1_000_000 },
  seeds: () => [
    Buffer.from(SMALL),
    ...readFileSync(EXAMPLE, 'utf8')
      .split(/\n(?=\[)/)
      .map((part) => Buffer.from(`${part}\n`)),
    Buffer.from('a.b.c = 1\n[a.b]\nd = [1, {e = 2}]\n'),
    Buffer.from(`${SMALL}[guard]\nblock_for = 10\nnew_connections_per_ip = "30/s, burst 120"\n`),
  ],
  tokens: [
    '[[secret]]\n',
    ' = ',
    '"',
    '"""',
    "'''",
    '\n',
    '[',
    ']',
    '{',
    '}',
    'true',
    '1979-05-27T07:32:00Z',
    '\\u0041',
    '0x',
    'inf',
  ],
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const result = load({ text, file: FILE, read: noFile })
    if (!('problems' in result)) {
      const { settings } = new SecretRegistry().prepare(result)
      must(result.keys.length === result.config.secret.length, 'a secret without a key')
      mustBeSame(load({ text, file: FILE, read: noFile }), result, 'the same text')
      return settings
    }
    must(result.problems.length > 0, 'refused, and nothing wrong')
    const lines = text.split(/\r\n|\n/).length
    return result.problems.map((problem) => mustBeTold(problem, lines, text))
  },
}

function mustBeTold(problem: Problem, lines: number, text: string): string {
  const line = formatProblem(problem)
  must(problem.file === FILE && (problem.line === undefined || problem.line >= 1), 'a problem in another file')
  must((problem.line ?? 1) <= lines, `a problem in line ${problem.line} of ${lines}`)
  must(!/[\x00-\x1f\x7f]/.test(line), 'a problem of several lines, or with control characters')
  must(line.length < 2_000, 'a problem without an end')
  for (const [key] of text.matchAll(/[0-9a-f]{32}/gi)) must(!line.includes(key), 'a key in a message')
  return line
}

function noFile(): never {
  throw Object.assign(new Error('no file is read here'), { code: 'ENOENT' })
}
