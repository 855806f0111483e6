"""How the page looks, by day and by night, at a desk and on a phone.

Tall brackets are glyphs of a font with a MATH table. Windows, macOS and iOS have such a font, and
Firefox manages without; Chromium on Linux or Android may find none, leaves brackets small and no
gap above and below fractions and limits. So Chromium, told apart by what Firefox and Safari alone
support, is given borders in place of brackets, and gaps.
"""

CSS = """
:root{color-scheme:light dark;--paper:#fdfcf9;--ink:#22262b;--soft:#646b73;--rule:#e2ded4;
--card:#ffffff;--right:#14713f;--wrong:#b3261e;--plain:#2857a4;--amber:#8a5a00;--code:#f5f2ea}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e3e1dc;--soft:#989da5;
--rule:#31353b;--card:#1b1e22;--right:#63c78d;--wrong:#ff8a80;--plain:#8ab4f8;--amber:#e6b450;
--code:#212429}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:1.0625rem/1.6 Charter,"Iowan Old Style","Palatino Linotype",Palatino,"Source Serif 4",
Georgia,serif}
header.top,main,footer{max-width:50rem;margin:0 auto;padding:0 1.25rem}
header.top{padding-top:3.5rem}
h1{font-size:2.5rem;line-height:1.1;letter-spacing:-.015em;font-weight:600;margin:0 0 1rem}
h2{font-size:1.55rem;line-height:1.2;font-weight:600;letter-spacing:-.005em;margin:4.5rem 0 .75rem}
nav h2{font-size:1rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0;font-weight:600;font-variant-numeric:lining-nums}
p{margin:.75rem 0;hanging-punctuation:first;text-wrap:pretty}
.lead{font-size:1.2rem;line-height:1.5}
.legend,footer,.measured,.heading span,.line,nav .count,.form>span,summary span,figcaption{
color:var(--soft);font-size:.875rem}
a{color:inherit;text-decoration-color:var(--rule);text-underline-offset:.2em}
a:hover{text-decoration-color:currentColor}.why a{white-space:nowrap}
nav ul{list-style:none;padding:0;margin:0;columns:2 17rem;column-gap:2rem}
nav li{padding:.2rem 0;break-inside:avoid}
.right{color:var(--right)}.wrong{color:var(--wrong)}.plain{color:var(--plain)}
.holds{color:var(--right)}.fails{color:var(--wrong)}
.misprint,.incomplete{color:var(--amber)}.correct{color:var(--right)}.claim{color:var(--plain)}
.heading code{font-size:.9rem}
.entry{color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:.6rem;
padding:1rem 1.25rem 1.1rem;margin:1.25rem 0;scroll-margin-top:1rem}
.entry:target{border-color:var(--plain)}
.entry.failing{border-color:var(--wrong);border-width:2px}
.entry>header{display:flex;gap:.75rem;align-items:baseline;flex-wrap:wrap}
.entry h3 a{text-decoration:none}
.verdict{margin-left:auto;font-size:.8125rem;letter-spacing:.04em;font-variant:small-caps}
.verdict+.verdict{margin-left:0;font-weight:700}
.form{display:grid;grid-template-columns:6.5rem 1fr;align-items:center;gap:.5rem;margin:.5rem 0;
padding:.35rem 0}
.form>span{line-height:1.25}
.form.wrong,.form.right,.form.full{color:var(--ink)}
.form.wrong>span{color:var(--wrong)}.form.right>span{color:var(--right)}
.form:not(:has(>span)){grid-template-columns:1fr}
.form+.form{border-top:1px solid var(--rule)}
.scroll{overflow-x:auto;overflow-y:hidden;padding:.4rem 0;min-width:0;scrollbar-width:thin;
--cover:var(--card) 40%,transparent;--shade:var(--rule),transparent;
background:linear-gradient(90deg,var(--cover)) left/2rem 100% no-repeat local,
linear-gradient(270deg,var(--cover)) right/2rem 100% no-repeat local,
linear-gradient(90deg,var(--shade)) left/.7rem calc(100% - 2px) no-repeat,
linear-gradient(270deg,var(--shade)) right/.7rem calc(100% - 2px) no-repeat}
math{font-family:"STIX Two Math","Latin Modern Math","Cambria Math","Libertinus Math",
"STIX Math","Noto Sans Math",math;font-size:1.12rem}
math.apart{margin-right:1.4em}.scroll{line-height:2}.scroll math{margin-block:.28em}
.backward math{font-size:1rem}.why math,.measured math{font-size:1.03em}
mi.bold{font-weight:700}msup mfrac{math-style:normal}
math .label{padding:0 .45em}
@supports (not (-moz-appearance:none)) and (not (font:-apple-system-body)){
math .glyph{display:none}
math .l-bar{border-left:.065em solid;padding-left:.16em;margin-left:.14em}
math .r-bar{border-right:.065em solid;padding-right:.16em;margin-right:.14em}
math .l-dbl{border-left:.2em double;padding-left:.16em;margin-left:.14em}
math .r-dbl{border-right:.2em double;padding-right:.16em;margin-right:.14em}
math .l-par{border-left:.075em solid;border-top-left-radius:.5em 50%;
border-bottom-left-radius:.5em 50%;padding-left:.28em;margin-left:.12em}
math .r-par{border-right:.075em solid;border-top-right-radius:.5em 50%;
border-bottom-right-radius:.5em 50%;padding-right:.28em;margin-right:.12em}
math .l-bra,math .r-bra{--tick:linear-gradient(currentColor,currentColor);
background:var(--tick) 0 0/.26em .065em,var(--tick) 0 100%/.26em .065em,
var(--tick) 100% 0/.26em .065em,var(--tick) 100% 100%/.26em .065em;background-repeat:no-repeat}
math .l-bra{border-left:.065em solid;padding-left:.3em;margin-left:.14em}
math .r-bra{border-right:.065em solid;padding-right:.3em;margin-right:.14em}
math .over{border-top:.055em solid;padding-top:.09em;margin-top:.03em}
math .brace{--tick:linear-gradient(currentColor,currentColor);padding:0 .15em .32em;
background:var(--tick) 0 100%/.05em .24em,var(--tick) 100% 100%/.05em .24em,
var(--tick) 0 100%/100% .05em;background-repeat:no-repeat}
math .sign{math-style:compact;font-size:1.45em}
math mfrac>:first-child,math munderover>:nth-child(3){padding-bottom:.12em}
math mfrac>:last-child,math munderover>:nth-child(2),math munder>:nth-child(2){padding-top:.12em}
}
.why{margin:.6rem 0}
.measured{margin:.2rem 0 .6rem;font-variant-numeric:lining-nums tabular-nums}
.measured b{font-weight:600}
svg{display:block;width:100%;height:auto;overflow:visible}
.ruler{max-width:40rem;margin:.9rem 0 0}
svg text{font:11px ui-sans-serif,system-ui,sans-serif;fill:var(--soft)}
svg .label{font-size:12.5px;fill:var(--ink)}
.axis{stroke:var(--soft);stroke-width:1;opacity:.55}.grid{stroke:var(--rule);stroke-width:1}
svg polyline,svg line.right,svg line.wrong,svg line.plain{fill:none;stroke-width:2;
stroke-linejoin:round}
polyline.right,line.right{stroke:var(--right)}
polyline.wrong,line.wrong{stroke:var(--wrong);stroke-dasharray:6 4}
polyline.plain,line.plain{stroke:var(--plain);stroke-dasharray:1.5 3.5;stroke-linecap:round}
polyline.other{fill:none;stroke:var(--amber);stroke-dasharray:6 4}
.mark{stroke:var(--card);stroke-width:1}
.mark.right{fill:var(--right)}.mark.plain{fill:var(--plain)}
.mark.wrong{stroke:var(--wrong);stroke-width:2.5;fill:none}
.mark.allowed{stroke:var(--soft);stroke-width:1.5;fill:none}
.keys{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font:.8125rem ui-sans-serif,system-ui,sans-serif;
margin:0 0 .2rem}.keys .y{margin-right:auto}.key{color:inherit}
.key::before{content:"";display:inline-block;width:1.6em;vertical-align:.28em;margin-right:.45em;
border-top:2px solid var(--right)}
.key.wrong::before{border-top:2px dashed var(--wrong)}
.key.plain::before{border-top:2px dotted var(--plain)}
.key.other::before{border-top:2px dashed var(--amber)}
figure.plot{margin:1rem 0}
figcaption{margin-top:.4rem;line-height:1.45}
details{margin:.15rem 0}
summary{cursor:pointer;font-size:.9rem;padding:.15rem 0;overflow-wrap:anywhere}
summary:focus-visible,a:focus-visible{outline:2px solid var(--plain);outline-offset:2px}
code,pre{font-family:ui-monospace,"SF Mono","Cascadia Code",Menlo,Consolas,"DejaVu Sans Mono",
monospace;font-size:.8125rem}
pre{background:var(--code);border-radius:.4rem;padding:.8rem .9rem;overflow-x:auto;line-height:1.5;
tab-size:4;margin:.4rem 0 .8rem}
pre.trouble{border-left:3px solid var(--wrong)}
pre .k{color:var(--plain)}pre .s{color:var(--right)}pre .c{color:var(--soft);font-style:italic}
pre .n{color:var(--amber)}pre .v{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.8125rem}
th,td{padding:.28rem .6rem .28rem 0;border-bottom:1px solid var(--rule)}
td.figure,td a{white-space:nowrap}
.errata{margin:2rem 0}.errata>summary{font-size:1rem;font-weight:600}
footer{padding:3rem 1.25rem 4rem}
@media (max-width:40rem){body{font-size:1rem}header.top{padding-top:2rem}h1{font-size:2rem}
h2{margin-top:3rem}header.top,main,footer{padding-left:.9rem;padding-right:.9rem}
.entry{padding:.8rem .9rem;margin:1rem -.3rem}.form{grid-template-columns:1fr;gap:0}
math{font-size:1.05rem}svg text{font-size:20px}svg .label{font-size:20px}
.ruler{overflow:visible;margin:1rem 0}.ruler text{transform:translateY(7px)}
.mark{transform-box:fill-box;transform-origin:center;transform:scale(1.6)}th,td{padding-right:.5rem}}
@media print{body{background:#fff;color:#000}.entry{break-inside:avoid}}
"""
