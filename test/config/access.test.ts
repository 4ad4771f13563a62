import { describe, expect, it } from 'vitest'
import { load } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'

const SECRET = '[[secret]]\nname = "a"\nkey = "00112233445566778899aabbccddeeff"\nmodes = ["plain"]\n'
const RANGE = 'a range such as "192.0.2.0/24" or "2001:db8::/32"'

/** Of one line in the table `[access]`. */
function problemsOf(line: string): string[] {
  const result = load({ text: `[access]\n${line}\n${SECRET}`, file: 'p.toml' })
  return 'problems' in result ? result.problems.map(formatProblem) : []
}

describe('[access]', () => {
  it.each([
    [
      'deny = ["192.0.2.0/24", "192.0.2.0/33"]',
      `deny.1: expected ${RANGE}, got "192.0.2.0/33" (an IPv4 prefix has 0 to 32 bits)`,
    ],
    [
      'allow = ["2001:db8::/129"]',
      `allow.0: expected ${RANGE}, got "2001:db8::/129" (an IPv6 prefix has 0 to 128 bits)`,
    ],
    ['deny = ["10.0.0.1-10.0.0.9"]', `deny.0: expected ${RANGE}, got "10.0.0.1-10.0.0.9" (write a range as prefixes)`],
    ['deny = ["example.com"]', `deny.0: expected ${RANGE}, got "example.com"`],
    [
      'rules = [{ cidr = "10.0.0.0/40", level = "full" }]',
      `rules.0.cidr: expected ${RANGE}, got "10.0.0.0/40" (an IPv4 prefix has 0 to 32 bits)`,
    ],
    [
      'rules = [{ cidr = "::/0", level = "ful" }]',
      'rules.0.level: expected "none" or "limited" or "standard" or "full", got "ful" (did you mean "full"?)',
    ],
    ['default = "open"', 'default: expected "none" or "limited" or "standard" or "full", got "open"'],
    [
      'lists = [{ source = "http://x.test/a" }]',
      'lists.0.source: expected an https URL or the path of a file, got "http://x.test/a" (only https is fetched)',
    ],
    ['lists = [{ source = "" }]', 'lists.0.source: expected an https URL or the path of a file, got ""'],
    [
      'lists = [{ source = "a", refresh = "5s" }]',
      'lists.0.refresh: expected a duration from 1m to 30d such as "500ms", "10s", "2m" or "1h", got "5s"',
    ],
    [
      'lists = [{ source = "a" }, { source = "./a" }]',
      'lists.1.source: expected each source once; access.lists.0 has this one, got "./a"',
    ],
  ])('%s', (line, problem) => expect(problemsOf(line)).toEqual([`p.toml:2: access.${problem}`]))

  it('has room for sixteen lists', () => {
    const lists = (count: number) =>
      `lists = [${Array.from({ length: count }, (_, i) => `{ source = "l${i}" }`).join(', ')}]`
    expect(problemsOf(lists(16))).toEqual([])
    expect(problemsOf(lists(17))).toMatchObject([/access\.lists: expected at most 16/])
  })
})
