import type { Mutant } from './mutant.ts'

const MASK = 'src/core/session/mask.ts'
const tests = ['--project', 'unit', 'test/sim/attacks/leech.test.ts']

/** What breaks the way to the mask host, or would make it a free relay (security.md, P24). */
export const MASK_MUTANTS: readonly Mutant[] = [
  {
    name: 'bytes behind the hello are forgotten when the site takes over',
    invariant: 'I15',
    file: MASK,
    find: 'this.#pass(flow, toSite, this.#seen.bytes)',
    replace: 'this.#pass(flow, toSite, this.#seen.bytes.subarray(0, 500))',
  },
  {
    name: 'a masked connection may carry as much as it likes',
    invariant: 'I3',
    file: MASK,
    find: "    else if (this.#bytesLeft < 0) this.#stop('mask-limit')\n",
    replace: '',
    tests,
  },
  {
    name: 'masked connections of one network share no bandwidth',
    invariant: 'I3',
    file: 'src/core/guard/mask-bandwidth.ts',
    find: 'const mark = table.markOf(ip)',
    replace: 'const mark = { low: table.markOf(ip).low, high: this.#pacer.nowMs >>> 0 }',
  },
  {
    name: 'a stranger is led to the host that it names',
    invariant: 'I15',
    file: 'src/core/mask/targets.ts',
    find: "    const domains = secrets.filter((secret) => secret.domain !== '')\n",
    replace:
      "    const domains = secrets.filter((secret) => secret.domain !== '')\n" +
      '    if (sni !== undefined) {\n' +
      '      this.#options.names.keep([sni], (host, ips) => this.#answered(host, ips, false))\n' +
      '      const there = this.addressOf(sni)\n' +
      '      if (there !== undefined) return there\n' +
      '    }\n',
    tests,
  },
]
