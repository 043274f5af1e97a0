/** Style sheet of the API pages; here, as the build copies no other files than TypeScript. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --raised: #f4f6f8;
  --line: #d5dbe1;
  --text: #1b232c;
  --quiet: #55616e;
  --accent: #1f5fae;
  --get: #1d6b3f;
  --post: #1f5fae;
  --patch: #8a5300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14191f;
    --raised: #1d242c;
    --line: #36414d;
    --text: #e4e9ee;
    --quiet: #a3aebb;
    --accent: #8bbcf7;
    --get: #7fd3a1;
    --post: #8bbcf7;
    --patch: #f0be72;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 16px/1.55 system-ui, sans-serif;
  overflow-wrap: break-word;
}
a { color: var(--accent); }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: .5rem; }
.layout { display: grid; grid-template-columns: 19rem minmax(0, 1fr); max-width: 90rem; margin: 0 auto; }
nav {
  position: sticky;
  top: 0;
  height: 100vh;
  overflow-y: auto;
  padding: 1rem;
  border-right: 1px solid var(--line);
  font-size: .875rem;
}
nav ul { list-style: none; margin: 0; padding: 0; }
nav > ul > li { margin-bottom: .75rem; }
nav > ul > li > a { font-weight: 600; }
nav a { text-decoration: none; display: block; padding: .125rem 0; color: var(--text); }
nav a:hover { text-decoration: underline; }
.brand { margin: 0 0 1rem; font-size: 1.125rem; font-weight: 700; }
main { padding: 1.5rem 2rem 6rem; min-width: 0; }
main.single { max-width: 44rem; margin: 0 auto; }
h1 { margin: 0 0 .5rem; line-height: 1.2; }
h2 { margin: 3rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { margin: 0 0 .5rem; font-size: 1.0625rem; }
h4 { margin: 1.25rem 0 .25rem; font-size: .875rem; color: var(--quiet); }
p { margin: .25rem 0 .5rem; max-width: 46rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em; }
code { background: var(--raised); border-radius: .25rem; padding: .05em .3em; }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: .375rem; padding: .75rem 1rem; white-space: pre-wrap; }
pre code { padding: 0; background: none; }
code.path { background: none; padding: 0; font-weight: 600; font-size: 1rem; }
dt { font-weight: 600; margin-top: .75rem; }
dd { margin: 0; max-width: 46rem; }
.operation, .schema { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 1.25rem 0; }
.summary { font-weight: 600; }
.scope, .required, small { color: var(--quiet); font-size: .8125rem; }
.method {
  display: inline-block;
  min-width: 3.25rem;
  font: 700 .6875rem/1.4 ui-monospace, Menlo, Consolas, monospace;
  text-transform: uppercase;
  letter-spacing: .04em;
}
.method.get { color: var(--get); }
.method.post { color: var(--post); }
.method.patch { color: var(--patch); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; margin: .25rem 0 .5rem; }
th { text-align: left; color: var(--quiet); font-weight: 600; }
th, td { padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { min-width: 9rem; }
td:first-child code { overflow-wrap: normal; white-space: nowrap; }
.answers { list-style: none; margin: 0; padding: 0; font-size: .9375rem; }
.answers > li { padding: .25rem 0; }
@media (max-width: 56rem) {
  .layout { display: block; }
  nav { position: static; height: auto; max-height: 18rem; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1rem 1rem 4rem; }
  .operation, .schema { padding: .75rem; }
  thead { display: none; }
  tr { display: block; padding: .375rem 0; border-bottom: 1px solid var(--line); }
  td { display: block; border: 0; padding: .125rem 0; }
  td:first-child code { white-space: normal; overflow-wrap: anywhere; }
  td.none { display: none; }
}
@media print {
  nav { display: none; }
  .layout { display: block; }
}
`;
