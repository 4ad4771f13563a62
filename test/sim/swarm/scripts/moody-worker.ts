import { createInterface } from 'node:readline'

// A worker that dies of seed 2 and half a line, stops at seed 3, and answers all others with their case.
for await (const line of createInterface({ input: process.stdin })) {
  const { case: text } = JSON.parse(line) as { case: string }
  if (text === 'seed=2') {
    process.stdout.write('{"seed":')
    process.exit(3)
  }
  if (text === 'seed=3') await new Promise(() => {})
  process.stdout.write(`${JSON.stringify({ case: text, violations: [] })}\n`)
}
