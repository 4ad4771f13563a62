import { closeSync, openSync } from 'node:fs'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { helloFor } from '../vault/hellos.ts'

/**
 * Uses a secret before, while and after no descriptor is left, and says how it was answered each time. To be run with a low limit.
 * Usage: descriptors.child.ts MODULE TOKEN PIN LABEL KEY
 */
const [path, name, pin, label, keyHex] = process.argv.slice(2)
const token = new Pkcs11Token({ module: Pkcs11Module.load(path), name, pin, sessions: 2 })
const probed = probe(token)
if (!('route' in probed)) throw new Error(probed.why)
const told: string[] = []
let now = 0
const watch = new PinWatch(new Int32Array(1), { pid: process.pid, isAlive: () => true })
const vault = new HsmVault({
  ...{ token, trialKey: probed.trialKey, now: () => now, wall: () => 1_800_000_000, pin: watch },
  events: {
    onError: ({ code }) => told.push(code),
    onGone: (why) => told.push(why),
    onBack: () => told.push('back'),
    onPinRefused: () => told.push('pin'),
    onMissing: () => told.push('missing'),
  },
})
vault.put(1, label)
const ask = (): string => {
  let answer = 'nothing'
  vault.match(helloFor(Buffer.from(keyHex, 'hex')), [1], (match) => {
    answer = typeof match === 'object' ? `secret ${match.id}` : String(match)
  })
  return answer
}
const answers = [ask()]
const taken: number[] = []
let limit = ''
while (limit === '') {
  try {
    taken.push(openSync('/dev/null', 'r'))
  } catch (error) {
    limit = (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}
answers.push(ask())
// A test of the token comes due.
now += 20_000
vault.tick()
answers.push(ask())
for (const fd of taken) closeSync(fd)
answers.push(ask())
console.log(JSON.stringify({ limit, answers, told }))
