/**
 * What the page can do beyond being read: another theme, and figures under the pointer, which are those of the table below the plots.
 * Plain JavaScript for the browser, without which the page is still whole.
 */
export const SCRIPT = `
'use strict'
const root = document.documentElement
const button = document.getElementById('theme')
const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark'
const tell = () => { button.textContent = isDark() ? 'Light page' : 'Dark page' }
button.hidden = false
tell()
button.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; tell() })

for (const section of document.querySelectorAll('[data-run]')) {
  const table = section.querySelector('table[data-bins]')
  const svgs = [...section.querySelectorAll('figure[data-key]:has(> output) > svg')]
  if (table === null || svgs.length === 0) continue
  const rows = [...table.tBodies[0].rows]
  const heads = [...table.tHead.rows[0].cells]
  const usual = svgs.map((svg) => svg.parentElement.querySelector('output').textContent)
  let shown = -1
  const show = (bin) => {
    shown = bin
    const isRead = bin >= 0
    section.classList.toggle('is-read', isRead)
    svgs.forEach((svg, at) => {
      const figure = svg.parentElement
      const cross = svg.querySelector('.cross')
      const x = 100 * (bin + 0.5) / rows.length + '%'
      if (isRead) for (const end of ['x1', 'x2']) cross.setAttribute(end, x)
      const cells = isRead ? [...rows[bin].cells] : []
      const texts = heads.flatMap((head, i) =>
        head.dataset.key === figure.dataset.key && i < cells.length ? [head.dataset.name + ' ' + cells[i].textContent] : [])
      figure.querySelector('output').textContent = isRead ? [cells[0].textContent, ...texts].join(' \\u00b7 ') : usual[at]
    })
  }
  const clamp = (bin) => Math.max(0, Math.min(rows.length - 1, bin))
  for (const svg of svgs) {
    const follow = (event) => {
      const box = svg.getBoundingClientRect()
      show(clamp(Math.floor(rows.length * (event.clientX - box.left) / box.width)))
    }
    svg.addEventListener('pointermove', follow)
    svg.addEventListener('pointerdown', follow)
    svg.addEventListener('pointerleave', () => show(-1))
    svg.addEventListener('blur', () => show(-1))
    svg.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (step === undefined) return
      event.preventDefault()
      show(clamp(shown + step))
    })
  }
}
`
