import { createRuntime } from '../../src/runtime/index.ts'

/** Another process at the same memory. Usage: shared-memory.child.ts DIRECTORY count|die */
const [directory, task] = process.argv.slice(2)
const shared = createRuntime().openSharedMemory(directory)
if (task === 'count') {
  const { bytes } = shared.open('counter', 64)
  const cells = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let i = 0; i < 10_000; i++) Atomics.add(cells, 1, 1)
} else {
  const { bytes } = shared.open('mine', 4096)
  for (let at = 0; at < bytes.length; at++) bytes[at] = at & 0xff
  process.kill(process.pid, 'SIGKILL')
}
