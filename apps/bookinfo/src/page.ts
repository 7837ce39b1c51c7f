export interface Review {
  readonly reviewer: string;
  readonly text: string;
  readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string };
}

export interface Details {
  readonly [key: string]: string | number;
}

/** An upstream's part of the page: what it gave, or the words to show instead. */
export type Part<T> = { readonly t: 'ok'; readonly value: T } | { readonly t: 'error'; readonly message: string };

export interface PageModel {
  readonly version: string;
  readonly title: string;
  readonly summary: string;
  readonly user: string | undefined;
  readonly details: Part<Details>;
  readonly reviews: Part<{ readonly reviews: readonly Review[]; readonly podname: string; readonly clustername: string }>;
}

const DETAIL_ROWS = [
  ['type', 'Type'],
  ['pages', 'Pages'],
  ['publisher', 'Publisher'],
  ['language', 'Language'],
  ['year', 'Year'],
  ['ISBN-10', 'ISBN-10'],
  ['ISBN-13', 'ISBN-13'],
] as const;

/** The product page: the book, its details and its reviews, in v1's light look or v2's evening look. */
export function renderProductPage(model: PageModel): string {
  const look = model.version === 'v1' ? 'day' : 'evening';
  return document(
    look,
    `${header(model)}
<main>
<section class="book"><div class="cover" aria-hidden="true"><i>W. Shakespeare</i><b>The Comedy<br>of Errors</b></div><div>
<h1>${escapeHtml(model.title)}</h1><p class="lead">${escapeHtml(model.summary)}</p></div></section>
<div class="columns">
<section><h2>Book Details</h2>${detailsHtml(model.details)}</section>
<section><h2>Book Reviews</h2>${reviewsHtml(model.reviews)}</section>
</div></main>
<footer>productpage ${escapeHtml(model.version)}</footer>`,
  );
}

/** The page at `/`: where to go from here. */
export function renderIndex(version: string): string {
  return document(
    version === 'v1' ? 'day' : 'evening',
    `<header><strong>Bookstore</strong></header>
<main><section><h1>Hello! This is a simple bookstore application</h1>
<p class="lead">It consists of four services: productpage, details, reviews and ratings, and one database.</p>
<p><a class="button" href="/productpage">Product page</a></p></section></main><footer>productpage ${escapeHtml(version)}</footer>`,
  );
}

function header(model: PageModel): string {
  const account =
    model.user === undefined
      ? `<form method="post" action="login"><input name="username" placeholder="User name" aria-label="User name" required><input name="passwd" type="password" placeholder="Password" aria-label="Password"><button>Sign in</button></form>`
      : `<span>Signed in as <b>${escapeHtml(model.user)}</b> <a href="logout">Sign out</a></span>`;
  return `<header><strong>Bookstore</strong>${account}</header>`;
}

function detailsHtml(details: PageModel['details']): string {
  if (details.t === 'error') return `<p class="error"><b>Error fetching product details!</b> ${escapeHtml(details.message)}</p>`;
  const rows = DETAIL_ROWS.map(([key, label]) => `<dt>${label}</dt><dd>${escapeHtml(String(details.value[key] ?? '-'))}</dd>`);
  return `<dl>${rows.join('')}</dl>`;
}

function reviewsHtml(reviews: PageModel['reviews']): string {
  if (reviews.t === 'error') return `<p class="error"><b>Error fetching product reviews!</b> ${escapeHtml(reviews.message)}</p>`;
  const quotes = reviews.value.reviews.map(
    (review) => `<blockquote><p>${escapeHtml(review.text)}</p><cite>${escapeHtml(review.reviewer)}</cite>${ratingHtml(review.rating)}</blockquote>`,
  );
  return `${quotes.join('')}<p class="served">Reviews served by: <code>${escapeHtml(reviews.value.podname)}</code></p>`;
}

function ratingHtml(rating: Review['rating']): string {
  if (rating === undefined) return '';
  if (rating.stars === undefined) return `<div class="unavailable">${escapeHtml(rating.error ?? 'Ratings service is currently unavailable')}</div>`;
  const stars = Math.max(0, Math.min(5, Math.round(rating.stars)));
  const color = rating.color === 'red' ? 'red' : 'black';
  return `<div class="stars ${color}" role="img" aria-label="${stars} of 5 stars">${'★'.repeat(stars)}<span>${'☆'.repeat(5 - stars)}</span></div>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const STYLE = `:root{--bg:#f7f5f0;--card:#fff;--ink:#22262b;--soft:#6a7078;--line:#e4dfd4;--accent:#0f5e8c;--star:#1d1f22;--bar:#0f5e8c;--barink:#fff}
.evening{--bg:#14202b;--card:#1d2d3b;--ink:#edf2f5;--soft:#9fb2c0;--line:#31475a;--accent:#ffb454;--star:#ffffff;--bar:linear-gradient(90deg,#7a2e3a,#c46a2d);--barink:#fff}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 Georgia,'Times New Roman',serif}
header{display:flex;justify-content:space-between;align-items:center;gap:1rem;padding:.8rem 2rem;background:var(--bar);color:var(--barink);font-family:system-ui,sans-serif;flex-wrap:wrap}
header strong{font-size:1.15rem;letter-spacing:.02em}header a{color:inherit;margin-left:.6rem}form{display:flex;gap:.4rem;flex-wrap:wrap}
input,button{font:inherit;font-size:.85rem;padding:.3rem .6rem;border:1px solid rgb(255 255 255/.5);border-radius:4px;background:rgb(255 255 255/.92);color:#22262b;width:9rem}
button{width:auto;background:transparent;color:inherit;cursor:pointer}
main{max-width:980px;margin:2rem auto;padding:0 1.2rem}section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1.4rem 1.6rem;margin-bottom:1.2rem}
.book{display:flex;gap:1.6rem;align-items:center}.cover{flex:none;width:124px;height:170px;border-radius:3px 8px 8px 3px;background:linear-gradient(150deg,#14506f,#0c2f47 70%);color:#f3e6c8;padding:1rem .8rem;display:flex;flex-direction:column;justify-content:space-between;box-shadow:0 6px 18px rgb(0 0 0/.25);border-left:6px solid #0a2536}
.evening .cover{background:linear-gradient(150deg,#a53f45,#5a1f33 70%);border-left-color:#3d1524}.cover i{font-size:.75rem}.cover b{font-size:1.05rem;line-height:1.2}
h1{margin:0 0 .5rem;font-size:1.9rem}h2{margin:0 0 .8rem;font-size:1.05rem;font-family:system-ui,sans-serif;color:var(--accent)}.lead{margin:0;color:var(--soft)}
.columns{display:grid;grid-template-columns:minmax(240px,1fr) 2fr;gap:1.2rem;align-items:start}@media(max-width:720px){.columns{grid-template-columns:1fr}.book{flex-direction:column}}
dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1.2rem;margin:0;font-size:.95rem}dt{color:var(--soft);font-family:system-ui,sans-serif;font-size:.85rem}dd{margin:0}
blockquote{margin:0 0 1rem;padding:0 0 1rem;border-bottom:1px solid var(--line)}blockquote p{margin:0 0 .3rem;font-style:italic}cite{font:.85rem system-ui,sans-serif;color:var(--soft)}
.stars{font-size:1.5rem;line-height:1.2;letter-spacing:.08em}.stars.black{color:var(--star)}.stars.red{color:#d62f2f}.evening .stars.red{color:#ff5a4f}.stars span{opacity:.4}
.error,.unavailable{font-family:system-ui,sans-serif;font-size:.9rem;color:#b1380b}.evening .error,.evening .unavailable{color:#ffb08f}.served{margin:0;font-size:.85rem;color:var(--soft);font-family:system-ui,sans-serif}
footer{text-align:center;color:var(--soft);font:.8rem system-ui,sans-serif;padding-bottom:2rem}.button{display:inline-block;padding:.45rem 1rem;border-radius:5px;background:var(--accent);color:var(--card);text-decoration:none;font-family:system-ui,sans-serif}`;

function document(look: 'day' | 'evening', body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Simple Bookstore App</title><link rel="icon" href="data:,">
<style>${STYLE}</style></head><body class="${look}">
${body}
</body></html>
`;
}
