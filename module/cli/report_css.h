// How the page of `mxwarden report` looks: one column of text and tables, black on white or the
// reverse, two colours that mean something, and nothing fetched. In bars nothing is told by colour
// alone.
#pragma once

#include <string_view>

namespace mxw::cli {

constexpr std::string_view kReportCss =
    R"css(:root{--paper:#fff;--ink:#1c1c1a;--soft:#5a5a55;--line:#d6d4cd;--stopped:#1f4e79;--logged:#b98216;--note:#f5f2ea;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#15181b;--ink:#e9e7e1;--soft:#aaa9a2;--line:#3b4045;--stopped:#7db1df;--logged:#d8a945;--note:#1e2226}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 "Helvetica Neue",Arial,"Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
main,header,footer{max-width:60rem;margin:0 auto;padding:0 1.25rem}
h1,h2,.lead,.big{font-family:Charter,"Bitstream Charter",Georgia,"Liberation Serif",serif;font-weight:400;text-wrap:balance}
header{padding-top:3rem}
header p{margin:0;color:var(--soft)}
h1{font-size:clamp(1.9rem,5vw,2.8rem);line-height:1.12;margin:.3rem 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.5rem;line-height:1.2;margin:0 0 .4rem}
section{margin-top:3rem;border-top:1px solid var(--ink);padding-top:.9rem}
p{margin:.4rem 0;max-width:44rem}
.lead{font-size:1.3rem;line-height:1.4;margin:2rem 0 1.6rem}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1.2rem 2rem;margin:0;border-top:3px solid var(--ink)}
.key div{padding-top:.7rem}
.key dt{font-size:.9rem;color:var(--soft)}
.key dd{margin:0}
.big{font-size:2.9rem;line-height:1.1;font-variant-numeric:lining-nums}
.stopped{color:var(--stopped)}
.logged{color:var(--logged)}
.notices{margin:2rem 0 0;padding:.8rem 1.1rem;background:var(--note);border-left:3px solid var(--logged);list-style:none}
.notices li+li{margin-top:.4rem}
.soft,small,caption,.sub{color:var(--soft)}
small,.sub,details,caption{font-size:.875rem}
.sub{display:block;line-height:1.35}
.legend{font-size:.875rem;margin:.6rem 0 0}
.legend span{display:inline-block;margin-right:1.4rem}
.legend i{display:inline-block;width:.75rem;height:.75rem;margin-right:.45rem;background:currentColor}
.legend b{font-weight:400;color:var(--ink)}
.chart{padding:.8rem 1.6rem 2rem 3.6rem}
.chart svg,td svg{display:block;width:100%;overflow:visible}
svg text{font:12px "Helvetica Neue",Arial,"Liberation Sans",sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1}
.base{stroke:var(--ink);stroke-width:1}
.s{fill:var(--stopped)}
.l{fill:var(--logged)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;margin:1rem 0 0;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:0 0 .5rem;max-width:44rem}
thead th,thead td{font-weight:400;font-size:.8125rem;color:var(--soft);border-bottom:1px solid var(--ink);vertical-align:bottom}
th,td{text-align:left;vertical-align:top;padding:.34rem 0;border-bottom:1px solid var(--line);font-weight:400;overflow-wrap:anywhere}
th+td,td+td,th+th{padding-left:1.2rem}
.n{text-align:right;white-space:nowrap;width:5.5rem;overflow-wrap:normal}
.bar{width:26%;padding-top:.85rem}
.wordy .bar{width:13%}
.others th,.others td{color:var(--soft)}
details{margin-top:.3rem}
summary{cursor:pointer;color:var(--soft)}
details table{max-width:32rem}
.past{color:var(--ink);font-weight:700}
footer{margin-top:3rem;padding-bottom:3rem;font-size:.875rem;color:var(--soft)}
footer p{border-top:1px solid var(--line);padding-top:.8rem;max-width:none}
@media (min-width:56rem){th .sub{display:inline;margin-left:.7rem}}
@media (max-width:40rem){.bar,.m{display:none}.n{width:4.6rem}.chart{padding-left:3rem;padding-right:1rem}section{margin-top:2.3rem}header{padding-top:1.6rem}th+td,td+td,th+th{padding-left:.8rem}.big{font-size:2.4rem}.key{gap:.6rem}}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--stopped:#1f4e79;--logged:#b98216;--note:#f5f2ea;color-scheme:light}@page{margin:16mm}html{font-size:10pt}th .sub{display:inline;margin-left:.7rem}main,header,footer{max-width:none;padding:0}header{padding-top:0}section{margin-top:1.6rem}h2,caption,thead{break-after:avoid}tr,.chart,.key,.notices{break-inside:avoid}svg,.legend i,.notices{print-color-adjust:exact;-webkit-print-color-adjust:exact}details{display:none}})css";

} // namespace mxw::cli
