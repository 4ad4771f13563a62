import { SECTIONS, type KeyInfo, type SectionInfo } from './schema.ts'

const HEAD = `# Configuration

<!-- Made from src/config/schema by scripts/docs.ts. Change the schema, then run: node scripts/docs.ts -->

Palisade reads one TOML file, \`palisade.toml\` in the working folder or what \`--config\` names. Relative paths start at
the file's folder. \`--set key=value\` wins over the file. Every key but the secrets has a default. An unknown key is an error.

Durations are written \`500ms\`, \`10s\`, \`2m\`, \`1h\`, \`1d\`; sizes \`256 KB\`, \`64 MB\`, where 1 KB is 1024 bytes.
**hot** keys apply on reload (SIGHUP or \`palisade reload\`) without dropping a connection; **restart** keys wait for the
next start, and a reload names those that changed. *Planned* keys belong to features that are not built yet: they are refused
unless they stand at their default.

\`palisade check\` reports every problem of a file at once, with its line.
`

/** docs/configuration.md. */
export function renderDocs(): string {
  return `${HEAD}${SECTIONS.map(renderSection).join('')}`
}

function renderSection(section: SectionInfo): string {
  const name = section.path.join('.')
  const title = section.isList === true ? `[[${name}]]` : `[${name}]`
  const rows = section.keys.map(renderKey).join('')
  return `\n## ${title}\n\n${section.doc}\n\n| key | default | applies | meaning |\n|---|---|---|---|\n${rows}`
}

function renderKey({ path, initial, reload, planned, doc }: KeyInfo): string {
  const preset = initial === undefined ? 'must be given' : `\`${renderValue(initial)}\``
  const state = planned === undefined ? '' : planned === true ? '*Planned.* ' : '*Planned in part.* '
  return `| \`${path.at(-1)}\` | ${preset} | ${reload} | ${state}${doc.replaceAll('|', '\\|')} |\n`
}

function renderValue(found: unknown): string {
  if (Array.isArray(found)) return `[${found.map(renderValue).join(', ')}]`
  if (typeof found !== 'object' || found === null) return JSON.stringify(found)
  const pairs = Object.entries(found).map(([name, inner]) => `${name} = ${renderValue(inner)}`)
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
}
