/** Tones of plots: light page, dark page. Neighbours in a stack differ in lightness too, and what is bad is hatched. */
const TONES: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  connected: ['#2166ac', '#6cb0f5'],
  lost: ['#c2410c', '#ff9466'],
  masked: ['#c99700', '#e3b341'],
  refused: ['#5b6673', '#9aa7b5'],
  tarpitted: ['#8250a8', '#c79bea'],
  discarded: ['#2c7a5b', '#63c79d'],
  other: ['#a8b1ba', '#606a75'],
  served: ['#b3123a', '#ff6b81'],
  honest: ['#2166ac', '#6cb0f5'],
  attack: ['#a86400', '#e3b341'],
  p50: ['#5fa3b8', '#4c8fa3'],
  p90: ['#1f7a94', '#6fc1da'],
  p99: ['#0b3c4d', '#cdeef8'],
  plain: ['#4b5fa8', '#98a9ee'],
  ban: ['#8250a8', '#c79bea'],
}
/** What nobody wants to see. */
const HATCHED = ['lost', 'served']
const DASHED = ['attack', 'p90']

const tones = Object.entries(TONES).map(([name, [light, dark]]) => `.${name}{--tone:light-dark(${light},${dark})}`)

const hatched = HATCHED.map(
  (name) =>
    `.bar.${name}{fill:url(#hatch-${name});stroke:var(--tone);stroke-width:1;vector-effect:non-scaling-stroke}` +
    `.key.${name}{background:repeating-linear-gradient(45deg,var(--tone) 0 2px,transparent 2px 4px);border:1px solid var(--tone)}`,
)
const dashed = DASHED.map((name) => `.line.${name}{stroke-dasharray:5 3}`)

/** Patterns that the page has to hold once. */
export const PATTERNS = HATCHED.map(
  (name) =>
    `<pattern id="hatch-${name}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
    `<rect class="hatch ${name}" width="2.6" height="5"></rect></pattern>`,
).join('')

/** All of the page's looks. Nothing is fetched: fonts are the reader's own. */
export const STYLE = `
:root{color-scheme:light dark;
--page:light-dark(#f6f7f9,#0f1318);--card:light-dark(#fff,#181e25);--ink:light-dark(#17202a,#e4e9ee);
--soft:light-dark(#4d5966,#a5b1bd);--rule:light-dark(#dde2e7,#2c3641);--good:light-dark(#18703c,#5bc98a);
--bad:light-dark(#b3123a,#ff8094);--skip:light-dark(#6b5900,#d9b84a);--link:light-dark(#1c5aa0,#7db8f7)}
:root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums}
main,header{max-width:1240px;margin:0 auto;padding:0 16px}
header{display:flex;align-items:baseline;gap:12px;padding-top:14px}header .brand{font-weight:650;letter-spacing:.02em}
header button{margin-left:auto}
button{font:inherit;font-size:13px;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:7px;
padding:4px 11px;min-height:32px;cursor:pointer}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{font-size:26px;line-height:1.2;margin:14px 0 4px;overflow-wrap:anywhere}h2{font-size:20px;line-height:1.3;margin:36px 0 4px}
h3{font-size:16px;margin:26px 0 6px}p{margin:6px 0;max-width:80ch}a{color:var(--link)}
.soft,.about{color:var(--soft)}.about{font-size:14px}
.lead{font-size:17px;line-height:1.5;border-left:4px solid var(--good);padding:2px 0 2px 12px;margin:14px 0}
.lead.bad{border-color:var(--bad)}.lead b{color:var(--good)}.lead.bad b{color:var(--bad)}
code,pre{font:13px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:9px 12px;margin:8px 0;white-space:pre-wrap;
overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:10px;margin:16px 0}
.cards div{background:var(--card);border:1px solid var(--rule);border-radius:9px;padding:9px 12px}
.cards dt{font-size:12.5px;line-height:1.35;color:var(--soft)}.cards dd{margin:1px 0 0;font-size:20px;line-height:1.3;font-weight:600}
.cards small{display:block;font-size:12px;line-height:1.35;font-weight:400;color:var(--soft)}
.cards .bad dd{color:var(--bad)}dl.cards{padding:0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:12px;margin:12px 0}
.plot{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:9px;padding:10px 12px 8px;min-width:0}
.plot.wide{grid-column:1/-1}
.plot figcaption{display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;margin-bottom:4px;font-size:14px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:0 12px;margin:0;padding:0;font-size:12.5px;color:var(--soft)}
.key{display:inline-block;width:11px;height:11px;border-radius:2px;background:var(--tone);margin-right:5px;vertical-align:-1px}
.plot>svg{display:block;touch-action:pan-y}.mark{overflow:visible}
.readout{display:block;min-height:19px;font-size:12.5px;line-height:19px;color:var(--soft)}
.bar{fill:var(--tone)}.hatch{fill:var(--tone)}
.line{fill:none;stroke:var(--tone);stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.grid,.base{stroke:var(--rule);stroke-width:1}.base{stroke:var(--soft)}
.tick{font-size:11.5px;fill:var(--soft);paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.lanes{list-style:none;margin:0;padding:0;font-size:12.5px;line-height:1.45}.lanes li{margin:0 0 5px}.lanes svg{display:block}
.shade{fill:light-dark(#a8640014,#e3b3411a)}.shade.outage,.shade.vault-outage,.shade.fault{fill:light-dark(#5b667326,#9aa7b52e)}
.span{fill:light-dark(#d9a441,#a97f2b)}.span.outage,.span.vault-outage,.span.fault{fill:light-dark(#7b8794,#8794a1)}
.alarm{fill:var(--bad)}
.cross{stroke:var(--ink);stroke-width:1;visibility:hidden}.is-read .cross{visibility:visible}
.box{overflow-x:auto;margin:8px 0;border:1px solid var(--rule);border-radius:9px;background:var(--card)}
.box.tall{max-height:420px;overflow-y:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{padding:5px 11px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--soft)}th:first-child,td:first-child,.text{text-align:left}
td.words{white-space:normal;min-width:220px;text-align:left}tr:last-child td{border-bottom:0}
.tall thead th{position:sticky;top:0;background:var(--card)}
.hex{text-align:left;font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px;
overflow-wrap:anywhere;white-space:normal;min-width:180px}
.pass{color:var(--good);font-weight:600}.fail{color:var(--bad);font-weight:600}.skip{color:var(--skip);font-weight:600}
details{margin:10px 0}summary{cursor:pointer;padding:6px 0}
footer{padding:28px 0 36px;font-size:13px;color:var(--soft)}
@media (max-width:560px){
.folds thead{display:none}.folds table,.folds tbody,.folds tr{display:block}.folds tr{padding:7px 12px;border-bottom:1px solid var(--rule)}
.folds tr:last-child{border:0}.folds td{display:flex;justify-content:space-between;gap:14px;padding:1px 0;border:0;white-space:normal;
text-align:right;overflow-wrap:anywhere}.folds td:empty{display:none}.folds td::before{content:attr(data-name);color:var(--soft);
text-align:left;flex:none}.folds td.words,.folds td.hex{min-width:0}.folds td.hex:not(:empty){display:block;text-align:left}
.folds td.hex::before{display:block;font-family:system-ui,sans-serif;font-size:13.5px}
.minor{display:none}h1{font-size:22px}.lead{font-size:16px}.cards{grid-template-columns:repeat(2,1fr)}
.cards dd{font-size:18px}main,header{padding-left:14px;padding-right:14px}}
@media print{:root{color-scheme:light}header button,.readout{display:none}.plot,.cards div{break-inside:avoid}}
${tones.join('\n')}
${hatched.join('\n')}
${dashed.join('\n')}
`
