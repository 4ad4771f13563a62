import { z } from 'zod'
import { configSchema } from '../../../src/config/schema.ts'
import { scenarioSchema } from './schema.ts'

/** Editors that know TOML read this draft. */
const AS = { io: 'input', target: 'draft-7', unrepresentable: 'any' } as const

interface Table {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
}

/** fixtures/scenarios/scenario.schema.json, for editors: what can be said of a scenario file without its whole. */
export function renderScenarioSchema(): string {
  const { properties, ...scenario } = z.toJSONSchema(scenarioSchema, AS) as unknown as Table
  const { $schema, ...config } = z.toJSONSchema(configSchema, AS) as unknown as Record<string, unknown>
  const fault = properties.fault as { readonly items: Table }
  const reference = { $ref: '#/definitions/config' }
  const schema = {
    $schema,
    title: 'A scenario of Palisade',
    ...scenario,
    properties: {
      ...properties,
      fault: { ...fault, items: { ...fault.items, properties: { ...fault.items.properties, config: reference } } },
      config: reference,
    },
    // Secrets, which every other configuration has, are made up where it names none.
    definitions: { config: { ...config, required: [] } },
  }
  return `${JSON.stringify(schema, undefined, 2)}\n`
}
