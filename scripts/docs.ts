import { readFileSync, writeFileSync } from 'node:fs'
import { renderDocs } from '../src/config/docs.ts'
import { withStageDiagram } from './stage-diagram.ts'

/** Writes what the docs take from the code. */
const page = (name: string) => new URL(`../docs/${name}`, import.meta.url)
writeFileSync(page('configuration.md'), renderDocs())
writeFileSync(page('architecture.md'), withStageDiagram(readFileSync(page('architecture.md'), 'utf8')))
