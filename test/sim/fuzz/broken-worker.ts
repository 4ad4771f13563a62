import { workerData } from 'node:worker_threads'
import { WATCHED_HEAD, type Order } from '../../../sim/fuzz/order.ts'

/** Five executions, then whatever its name says. */
const { name, watched } = workerData as Order
new Uint8Array(watched, 4 * WATCHED_HEAD).set([1, 2, 3])
new Int32Array(watched).set([5, 3])
if (name === 'fails') throw new Error('out of order')
if (name === 'dies') process.exit(3)
while (name === 'hangs') continue
const kept: unknown[] = []
while (name === 'keeps everything') kept.push({ input: [kept.length] })
