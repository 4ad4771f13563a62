import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const run = (runtime: string) => {
  const binary = fileURLToPath(new URL(`../../../node_modules/.bin/${runtime}`, import.meta.url))
  return execFileSync(binary, [fileURLToPath(new URL('transcript.ts', import.meta.url))], { encoding: 'utf8' }).trim()
}

it('the codecs give the same bytes on both runtimes', () => {
  const onNode = run('node')
  expect(onNode).toMatch(/^[0-9a-f]{64}$/)
  expect(run('bun')).toBe(onNode)
})
