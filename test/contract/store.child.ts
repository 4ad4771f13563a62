import { bytes, open, put } from './store.cases.ts'

/** Puts one value, says so, and waits to be killed. Usage: store.child.ts DIRECTORY */
const store = await open(process.argv[2])
if ('error' in store) throw new Error(store.error.message)
await put(store, 'acknowledged', bytes(1000))
console.log('ready')
setInterval(() => {}, 1000)
