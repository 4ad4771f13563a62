import { createRuntime } from '../../src/runtime/index.ts'

console.log(createRuntime().clock.mono())
