import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { scenarioNames } from '../../../sim/attacks.ts'
import { renderScenarioSchema } from '../../../sim/attacks/plan/json-schema.ts'
import { ConfigDocument, readToml } from '../../../src/config/document.ts'

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/scenarios/${name}`, import.meta.url), 'utf8')
const schema = z.fromJSONSchema(JSON.parse(renderScenarioSchema()) as Parameters<typeof z.fromJSONSchema>[0])

function fits(text: string): boolean {
  const document = readToml(text, 'x.toml')
  return document instanceof ConfigDocument && schema.safeParse(structuredClone(document.root)).success
}

describe('the schema of scenario files for editors', () => {
  it('is the committed one', () => {
    expect(fixture('scenario.schema.json'), 'run: node scripts/docs.ts').toBe(renderScenarioSchema())
  })

  it.each(scenarioNames())('takes %s, which names it', (name) => {
    const text = fixture(`${name}.toml`)
    expect(text.split('\n', 1)[0]).toBe('#:schema ./scenario.schema.json')
    expect(fits(text)).toBe(true)
  })

  it.each([
    ['name = "botnet"', ''],
    ['kind = "garbage"', 'kind = "garbages"'],
    ['sources = 20000', 'sources = "20000"'],
    ['rate = "1/m"', 'rate = "1"'],
    ['start = "1m"', 'start = "1 minute"'],
    ['anomaly = "enforce"', 'anomaly = "on"'],
    ['anomaly = "enforce"', 'anomalous = "enforce"'],
    ['honest_connected_min = 0.99', 'honest_connected_min = 99'],
    ['[assert]', '[asserted]'],
    ['[assert]', '[[fault]]\nkind = "earthquake"\nat = "1s"\n[assert]'],
    ['[assert]', '[[fault]]\nkind = "reload"\nat = "1s"\nconfig = { guard = { on = true } }\n[assert]'],
  ])('does not take botnet with %s for %s', (from, to) => {
    const text = fixture('botnet.toml')
    expect(text).toContain(from)
    expect(fits(text.replace(from, to))).toBe(false)
  })
})
