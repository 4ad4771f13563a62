import { writeFileSync } from 'node:fs'
import { renderDocs } from '../src/config/docs.ts'

writeFileSync(new URL('../docs/configuration.md', import.meta.url), renderDocs())
