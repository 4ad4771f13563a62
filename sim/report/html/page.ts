import { createHash } from 'node:crypto'
import { Markup, markup, type Content } from './markup.ts'
import { SCRIPT } from './script.ts'
import { PATTERNS, STYLE } from './style.ts'

/** `'sha256-...'`: this text and no other may style or run. */
function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

const POLICY =
  `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; img-src data:; ` +
  `base-uri 'none'; form-action 'none'`

/** A whole page in one text: nothing in it leads outside. */
export function page(title: string, body: Content): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<svg width="0" height="0" aria-hidden="true" focusable="false"><defs>${new Markup(PATTERNS)}</defs></svg>
<header><span class="brand">Palisade</span><button id="theme" type="button" hidden>Dark page</button></header>
<main>
${body}
</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text
}

export interface Card {
  readonly name: string
  readonly value: string
  readonly note: string
  readonly isBad?: boolean
}

/** Figures to be seen first. */
export function cards(all: readonly Card[]): Markup {
  const each = all.map(({ name, value, note, isBad = false }) => {
    const tone = isBad ? 'bad' : ''
    return markup`<div class="${tone}"><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`
  })
  return markup`<dl class="cards">${each}</dl>`
}

export interface Column {
  readonly name: string
  /** `text` is set to the left, `words` may take several lines, `hex` is bytes; figures are set to the right. */
  readonly kind?: 'text' | 'words' | 'hex'
}

/** Where the page is narrow, rows become lists of what is in them; with `isLong` the table scrolls in its box instead. */
export function table(
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
  { isLong = false }: { readonly isLong?: boolean } = {},
): Markup {
  const head = columns.map(({ name, kind }) => {
    const tone = kind === undefined ? '' : 'text'
    return markup`<th scope="col" class="${tone}">${name}</th>`
  })
  const cell = (content: Content, { name, kind }: Column) =>
    markup`<td class="${kind ?? ''}" data-name="${name}">${content}</td>`
  const body = rows.map((row) => markup`<tr>${row.map((content, at) => cell(content, columns[at]))}</tr>\n`)
  return markup`<div class="${isLong ? 'box' : 'box folds'}" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody></table></div>`
}
