import { MOVES, type StageName } from '../src/core/session/stages.ts'

const BEGIN = '<!-- stages: written by scripts/docs.ts -->'
const END = '<!-- end of stages -->'

/** The table of moves as a Mermaid diagram. */
export function stageDiagram(): string {
  const moves = (Object.keys(MOVES) as StageName[]).flatMap((from) => MOVES[from].map((to) => `    ${from} --> ${to}`))
  return ['```mermaid', 'stateDiagram-v2', '    [*] --> proxy-header', '    [*] --> hello', ...moves, '```'].join('\n')
}

/** `text` with the diagram between its marks brought up to date. */
export function withStageDiagram(text: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no "${BEGIN}" followed by "${END}"`)
  return `${text.slice(0, from)}${BEGIN}\n\n${stageDiagram()}\n\n${text.slice(to)}`
}
