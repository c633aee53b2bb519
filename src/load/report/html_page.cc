#include "load/report/html_page.h"

#include <fmt/format.h>

namespace utakata::load {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--dim:#5d6670;--rule:#e3e6ea;--soft:#f6f7f9;
--good:#1f7a4d;--bad:#c62828;--warn:#9a6200;
--c1:#2563c9;--c2:#c2590a;--c3:#1f7a4d;--c4:#7a3fb5;--c5:#0b7f8a;--c6:#b3266b;
--p50:#8fb4ee;--p95:#3f78d6;--p99:#0f3b8c}
@media(prefers-color-scheme:dark){:root{--back:#14171a;--ink:#e6e9ec;--dim:#9aa4ae;--rule:#2b3138;
--soft:#1d2125;--good:#5cc890;--bad:#ff7b72;--warn:#e3b341;
--c1:#6aa5ff;--c2:#f0a04b;--c3:#5cc890;--c4:#c297f5;--c5:#4cc4cf;--c6:#f27fb0;
--p50:#3d5f96;--p95:#6aa5ff;--p99:#c9deff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1.2rem 3rem;max-width:76rem;background:var(--back);
color:var(--ink);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:0;font-size:1.45rem}h2{margin:2.2rem 0 .6rem;font-size:1.1rem}
p{margin:.3rem 0}.dim,small{color:var(--dim)}
.verdict{margin:1.1rem 0;padding:.7rem 1rem;background:var(--soft);border-left:5px solid var(--dim);
border-radius:3px}
.verdict>b{font-size:1.15rem}.verdict ul{margin:.4rem 0 0;padding:0;list-style:none}
.verdict li{padding-left:1.4rem;text-indent:-1.4rem}
.is-good{border-color:var(--good)}.is-bad{border-color:var(--bad)}.is-warn{border-color:var(--warn)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.2rem,1fr));gap:.6rem 1.2rem;
margin:1.2rem 0;padding:0}
.tiles div{border-top:1px solid var(--rule);padding-top:.4rem}
.tiles dt{color:var(--dim);font-size:.85rem}.tiles dd{margin:0;font-size:1.3rem;
font-variant-numeric:tabular-nums;line-height:1.25}.tiles small{display:block;font-size:.8rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));
gap:1.6rem 2rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{vertical-align:baseline;padding:.22rem 0 .22rem 1rem;text-align:right;
font-weight:400;white-space:nowrap}
thead th{color:var(--dim);font-size:.85rem}
th:first-child,td:first-child{padding-left:0;text-align:left;white-space:normal;min-width:11rem}
.few{width:auto;min-width:min(100%,38rem)}.wide+.wide{margin-top:.8rem}
.texts td,.texts th{text-align:left;white-space:normal;vertical-align:top}
.texts td+td,.texts th+th{white-space:nowrap}
tbody tr{border-top:1px solid var(--rule)}
.part th{padding-left:1.2rem!important;color:var(--dim)}
figure{margin:0;min-width:0}
figcaption{margin-bottom:.5rem}figcaption>b{margin-right:.8rem}
figcaption span{margin-right:.9rem;white-space:nowrap;font-size:.85rem}
s{display:inline-block;width:.9rem;height:0;margin-right:.3rem;vertical-align:middle;
border-top:3px solid}
.plot{position:relative;margin-left:4.4rem;height:10rem}
.plot svg{display:block;width:100%;height:100%;overflow:visible}
.labels span{position:absolute;right:100%;margin-right:.5rem;transform:translateY(-50%)}
.labels,.axis{color:var(--dim);font-size:.75rem;white-space:nowrap}
.axis{position:relative;margin:.25rem 0 0 4.4rem;height:1.2rem}
.axis span{position:absolute;transform:translateX(-50%)}
.axis .end{transform:translateX(-100%)}
path{fill:none;vector-effect:non-scaling-stroke}
.line{stroke:currentColor;stroke-width:1.7px;stroke-linejoin:round;stroke-linecap:round}
.grid{stroke:var(--rule);stroke-width:1px}
.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}
.c5{color:var(--c5)}.c6{color:var(--c6)}
.p50{color:var(--p50)}.p95{color:var(--p95)}.p99{color:var(--p99)}
.hover{position:absolute;inset:0}
.hover i{position:absolute;top:0;bottom:0;font-style:normal}
.hover i:hover{border-left:1px solid var(--dim)}
.hover b{display:none;position:absolute;top:0;left:.5rem;z-index:2;width:max-content;
max-width:20rem;padding:.3rem .55rem;background:var(--back);border:1px solid var(--rule);
border-radius:4px;box-shadow:0 2px 8px #0003;font-weight:400;font-size:.8rem;pointer-events:none}
.hover .late b{left:auto;right:calc(100% + .5rem)}
.hover i:hover b{display:block}
pre{margin:.3rem 0;padding:.5rem .7rem;overflow-x:auto;background:var(--soft);font-size:.8rem;
white-space:pre-wrap}
summary{cursor:pointer;color:var(--dim);font-size:.85rem}
@media(max-width:40rem){body{padding:.8rem}.plot,.axis{margin-left:3.6rem}.plot{height:8rem}}
@media print{body{max-width:none;padding:0;font-size:10pt}.hover{display:none}
figure,.verdict,tr{break-inside:avoid}h2{break-after:avoid}
.charts{grid-template-columns:1fr 1fr;gap:1rem 1.2rem}.plot{height:7rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)";

}  // namespace

std::string page_html(std::string_view title, std::string_view body) {
  // Nothing may be fetched and nothing may run, whatever got past the escaping.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style></head>\n<body>\n{}</body></html>\n",
      title, style, body);
}

}  // namespace utakata::load
