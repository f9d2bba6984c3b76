// What a platform does with a client that somebody else's generator made: create, rewrite, click, read the figures. Every
// field that is used here is checked against the served OpenAPI document by the compiler.
import { campaignStats, createLink, rewrite } from "./generated";
import { client } from "./generated/client.gen";

client.setConfig({ baseUrl: process.env.A, auth: process.env.K });

async function main() {
  const campaign = "foreign-" + Date.now();
  const made = await createLink({ body: { url: "https://shop.example/?a=1&b=2", campaign }, throwOnError: true });
  console.log("created  ", made.data.code, made.data.tracked_url, made.data.expires_at === null ? "never expires" : made.data.expires_at);

  const html = '<p><a href="https://shop.example/?a=1&amp;b=2">spring</a></p>';
  const mail = await rewrite({ body: { campaign, html }, throwOnError: true });
  console.log("rewritten", mail.data.html);
  if (!mail.data.html?.includes(made.data.code)) throw new Error("the same target of the same campaign has another code");

  const click = await fetch(process.env.P + "/" + made.data.code, { redirect: "manual" });
  if (click.status !== 302) throw new Error("click: " + click.status);
  for (let i = 0; i < 100; i++) {
    const figures = await campaignStats({ path: { campaign }, throwOnError: true });
    if (figures.data.clicks === 1) {
      console.log("figures  ", figures.data.clicks, "click, complete through", figures.data.complete_through);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the click is not in the figures");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
