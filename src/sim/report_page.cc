#include "sim/report_page.h"

#include <fmt/format.h>

namespace utakata {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--dim:#5d6670;--grid:#e3e6ea;--tip:#f6f7f9;
--blue:#2563c9;--orange:#c2590a;--green:#1f7a4d;--red:#c62828;--purple:#7a3fb5}
@media(prefers-color-scheme:dark){:root{--back:#14171a;--ink:#e6e9ec;--dim:#9aa4ae;--grid:#2b3138;
--tip:#23282e;--blue:#6aa5ff;--orange:#f0a04b;--green:#5cc890;--red:#ff7b72;--purple:#c297f5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--back);color:var(--ink);
font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:0;font-size:1.5rem}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--grid)}
small,.nothing{color:var(--dim)}
.broken{margin:1rem 0;padding:.6rem 1rem;border:2px solid var(--red);border-radius:6px}
.broken h2{margin:0;border:0;font-size:1.1rem}.broken,.broken h2{color:var(--red)}
.kept{color:var(--green)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top;font-weight:400}
tr+tr>*{border-top:1px solid var(--grid)}
.totals td,.totals thead th{text-align:right;white-space:nowrap}
.totals thead th{font-weight:600}
.totals th:first-child{text-align:left;color:var(--dim)}
.list td:nth-child(-n+2){white-space:nowrap;color:var(--dim)}
figure,.lanes{margin:1.2rem 0;padding-right:1rem}
figcaption{margin-bottom:.7rem}figcaption span{margin-left:1rem;white-space:nowrap}
.swatch{display:inline-block;width:1rem;height:0;margin-right:.3rem;vertical-align:middle;
border-top:3px solid}
.plot{position:relative;margin-left:4.5rem;height:9rem}
.plot svg{display:block;width:100%;height:100%;overflow:visible}
.ticks span{position:absolute;right:100%;margin-right:.4rem;transform:translateY(-50%)}
.ticks,.axis{color:var(--dim);font-size:.75rem;white-space:nowrap}
.axis{position:relative;margin-left:4.5rem;height:1.3rem}
.axis span{position:absolute;transform:translateX(-50%)}
path{fill:none;stroke-width:1.6px;vector-effect:non-scaling-stroke}
.line{stroke:currentColor}.fill{fill:currentColor;stroke:currentColor;stroke-width:1px;
fill-opacity:.35}
.grid{stroke:var(--grid);stroke-width:1px}
.fault{stroke:var(--red);stroke-width:1px;stroke-dasharray:2 3}
.at{fill:var(--ink);fill-opacity:0}.at:hover{fill-opacity:.25}
.blue{color:var(--blue)}.orange{color:var(--orange)}.green{color:var(--green)}
.red{color:var(--red)}.dashed{color:var(--dim);stroke-dasharray:5 3}
.swatch.dashed{border-top-style:dashed}
.lane{display:flex;height:1.15rem;font-size:.75rem}
.lane>span{flex:0 0 4.5rem;color:var(--dim);white-space:nowrap;overflow:hidden}
.lane>div{flex:1;position:relative;border-bottom:1px solid var(--grid)}
.mark{position:absolute;bottom:0;width:.4%;min-width:4px;height:60%;background:var(--dim);
font-weight:400}
.mark.many{height:90%}
.mark:hover,.mark:focus{outline:2px solid var(--ink);z-index:2}
.mark.launch,.mark.resume,.mark.trust{background:var(--green)}
.mark.drain,.mark.stop,.mark.replace{background:var(--orange)}
.mark.suspect,.mark.fault{background:var(--red)}
.mark.brake,.mark.brake_off,.mark.held_back{background:var(--purple)}
.mark i{display:none;position:absolute;top:110%;left:0;width:max-content;max-width:28rem;
padding:.4rem .6rem;background:var(--tip);color:var(--ink);border:1px solid var(--dim);
border-radius:4px;font-style:normal;font-size:.85rem;white-space:pre-line;pointer-events:none}
.mark.late i{left:auto;right:0}
.mark:hover i,.mark:focus i{display:block}
summary{cursor:pointer}details{margin-top:.6rem}
@media(max-width:45rem){body{padding:.6rem}figcaption span{margin:0 .8rem 0 0;white-space:normal}
figcaption>b{display:block}
.mark i{position:fixed;inset:auto .5rem .5rem .5rem;width:auto;max-width:none;z-index:9}
.mark.late i{left:.5rem;right:.5rem}}
)";

}  // namespace

std::string page_html(std::string_view title, std::string_view below, std::string_view body) {
  // Nothing may be fetched, nothing may run, whatever got past the escaping.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n<p>{2}</p>\n"
      "{3}</body></html>\n",
      title, kStyle, below, body);
}

}  // namespace utakata
