import { readFileSync, writeFileSync } from 'node:fs'
import { renderDocs } from '../src/config/docs.ts'
import { renderScenarioSchema } from '../sim/attacks/plan/json-schema.ts'
import { withStageDiagram } from './stage-diagram.ts'

/** Writes what the docs, and editors, take from the code. */
const page = (name: string) => new URL(`../docs/${name}`, import.meta.url)
writeFileSync(page('configuration.md'), renderDocs())
writeFileSync(page('architecture.md'), withStageDiagram(readFileSync(page('architecture.md'), 'utf8')))
writeFileSync(new URL('../fixtures/scenarios/scenario.schema.json', import.meta.url), renderScenarioSchema())
