#include "html.h"

/* Colours of data are those of Okabe and Ito, "Color Universal Design" (2008), which all kinds of colour vision tell apart; what
 * is not of that set is indigo and olive of Tol's "muted" scheme. Waits are hatched, plans dashed, so no meaning hangs on colour
 * alone. The variables are stated once for light and once for dark; paper is light. */
const char *const lt_html_style[] = {
    ":root{color-scheme:light dark;--page:#f4f5f8;--card:#fff;--line:#dde1e9;--faint:#eceff4;--ink:#1b2029;--soft:#566072;"
    "--link:#0b5cad;--dev:#0072b2;--dev2:#003b66;--host:#d55e00;--host2:#7a3300;--wait:#6f7a8c;--rest:#a3abb8;"
    "--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#cc79a7;--c4:#56b4e9;--c5:#d55e00;--c6:#5a4fb0;--c7:#999933;"
    "--good:#d7f0df;--good2:#14532d;--bad:#fbdcdc;--bad2:#7f1d1d;--fair:#fdefc8;--fair2:#6b3d0c}\n",
    "@media screen and (prefers-color-scheme:dark){:root{--page:#12151b;--card:#1b1f28;--line:#313845;--faint:#262c37;"
    "--ink:#e8ebf1;--soft:#a2acbc;--link:#7cbcf5;--dev:#56b4e9;--dev2:#c7e6fa;--host:#f08a3c;--host2:#fbd3b0;"
    "--wait:#97a2b4;--rest:#6b7484;--c0:#3391cc;--c6:#9088e0;--c7:#b5b554;"
    "--good:#12402a;--good2:#b7efc9;--bad:#55191c;--bad2:#ffd0d0;--fair:#4c3708;--fair2:#fbe3a4}}\n",
    "*{box-sizing:border-box}body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;margin:0;background:var(--page);"
    "color:var(--ink)}main{max-width:1120px;margin:0 auto;padding:36px 28px 72px}"
    "h1{font-size:27px;line-height:1.2;letter-spacing:-.01em;margin:0 0 8px;overflow-wrap:anywhere}"
    "h2{font-size:19px;line-height:1.3;margin:44px 0 10px}h3{font-size:15px;margin:0}"
    "p{margin:4px 0;color:var(--soft);max-width:92ch;overflow-wrap:anywhere}a{color:var(--link)}"
    "code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace}code{overflow-wrap:anywhere}\n",
    ".command{display:block;margin-top:12px;padding:9px 14px;background:var(--card);border:1px solid var(--line);border-radius:8px}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:12px;margin-top:20px}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}"
    ".card b{display:block;font-size:23px;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums;"
    "overflow-wrap:anywhere}"
    ".card span{color:var(--soft);font-size:13px}.card.bad b{color:var(--bad2)}\n",
    ".wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;margin-top:10px}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:8px 14px;border-bottom:1px solid var(--faint);vertical-align:top;overflow-wrap:break-word}"
    "tr:last-child td{border-bottom:0}th{font-weight:600;font-size:13px;color:var(--soft);white-space:nowrap;overflow-wrap:normal}"
    "td{min-width:3.5em}.n{text-align:right;white-space:nowrap;min-width:0}.name{min-width:9em;overflow-wrap:anywhere}.why{min-width:17em;overflow-wrap:anywhere}"
    "td.key{width:14em;color:var(--soft)}"
    ".over{color:var(--bad2);background:var(--bad);font-weight:600}\n",
    ".s{display:inline-block;border-radius:999px;padding:1px 10px;font-size:13px;font-weight:550;background:var(--faint);"
    "color:var(--ink);white-space:nowrap}.done{background:var(--good);color:var(--good2)}"
    ".failed{background:var(--bad);color:var(--bad2)}.partial,.missing{background:var(--fair);color:var(--fair2)}\n",
    "figure{margin:0 0 20px}figure img{max-width:100%;height:auto;border-radius:10px;border:1px solid var(--line);display:block}"
    "figcaption{color:var(--soft);font-size:13px;margin-top:4px;overflow-wrap:anywhere}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--least,440px)),1fr));gap:14px;margin-top:12px}"
    ".chart{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px 8px;margin:0;min-width:0;"
    "break-inside:avoid}.chart figcaption{margin:0 0 2px}.chart figcaption b{color:var(--ink);font-size:14px}"
    ".one{--least:100%}.few{--least:440px}.many{--least:290px}\n",
    "ul.key{display:flex;flex-wrap:wrap;gap:2px 18px;margin:2px 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}"
    "ul.key svg,td svg{vertical-align:-1px;margin-right:7px}"
    ".plot{padding:16px 14px 0 66px}.plot svg{display:block;overflow:visible}.bars .plot{padding:6px 62px 0 66px}"
    "svg text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}"
    "svg .v{fill:var(--ink);font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}"
    "svg .p{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}"
    ".grid{stroke:var(--faint);stroke-width:1}.base{stroke:var(--soft);stroke-width:1}"
    ".dev,.host{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}"
    ".dev{stroke:var(--dev)}.host{stroke:var(--host)}.area{fill:var(--dev);opacity:.13}"
    ".plan{stroke-width:1.6;stroke-dasharray:7 4}.plan.of-dev{stroke:var(--dev2)}.plan.of-host{stroke:var(--host2)}"
    ".peak{stroke:var(--card);stroke-width:2}.peak.of-dev{fill:var(--dev)}.peak.of-host{fill:var(--host)}"
    ".bar{stroke:var(--card);stroke-width:1}.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}"
    ".c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}.rest{fill:var(--rest)}"
    ".hatch{fill:none;stroke:var(--wait);stroke-width:2}.ground{fill:var(--faint)}"
    ".w0{fill:url(#w0)}.w1{fill:url(#w1)}.w2{fill:url(#w2)}.w3{fill:url(#w3)}.w0,.w1,.w2,.w3{stroke:var(--wait)}\n",
    ".beside{display:grid;grid-template-columns:minmax(0,1fr) minmax(330px,max-content);gap:14px;margin-top:12px}.bars{display:grid;align-content:center;margin:12px 0 14px}.beside>.bars{margin:0}"
    ".beside>.wide{margin-top:0;max-width:480px;align-self:start}"
    "details{margin-top:12px}summary{cursor:pointer;color:var(--link);font-weight:550}"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 18px;overflow-x:auto;margin:10px 0 0}\n",
    "@media(max-width:760px){main{padding:22px 14px 48px}.beside{grid-template-columns:minmax(0,1fr)}.beside>.wide{max-width:none}"
    ".name{min-width:10em}.why{min-width:11em}td.key{width:9em}"
    "th,td{padding:7px 10px}h1{font-size:23px}.cards{grid-template-columns:repeat(auto-fit,minmax(104px,1fr));gap:8px}"
    ".card{padding:9px 12px}.card b{font-size:19px}.chart{padding:10px 10px 6px}.plot{padding-left:58px}}\n",
    "@media print{body{background:#fff;font-size:11pt}main{max-width:none;padding:0}*{print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}.card,.chart,figure,tr{break-inside:avoid}h2,h3{break-after:avoid}.wide,pre{overflow:visible}"
    "pre{white-space:pre-wrap}th,td{padding:4px 7px;font-size:9.5pt}th{white-space:normal}h2{margin-top:26px}}\n",
    "@media print{details::details-content{content-visibility:visible;block-size:auto}}\n",
    NULL,
};
