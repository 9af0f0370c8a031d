// Allure 3: one page that opens by a double click, grouped interface → function → case, titled by the product.
// `make report` uses it; for results of your own: allure generate RESULTS --config reports/allurerc.mjs
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const results = process.env.EUICC_ALLURE_RESULTS ?? "reports/out/allure-results";
const file = join(results, "environment.properties");
const about = Object.fromEntries(
  (existsSync(file) ? readFileSync(file, "utf8") : "")
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
);
const declared =
  about.declaration ?? about["SM-DP+_declaration"] ?? about.LPA_declaration ?? "eUICC and SM-DP+ conformance";
// A declaration that `pytest-euicc declare` wrote has the firmware in its name.
const firmware = about.firmware ? `firmware ${about.firmware}` : "";
const product = [
  declared,
  declared.endsWith(firmware) ? "" : firmware,
  about.eid ? `EID ${about.eid}` : "",
  about.started ? about.started.slice(0, 10) : "",
];
const name = product.filter(Boolean).join(", ");

export default {
  name,
  output: process.env.EUICC_ALLURE_REPORT ?? "reports/out/allure-report",
  historyPath: process.env.EUICC_ALLURE_HISTORY ?? "reports/out/allure-history.jsonl",
  historyLimit: 20,
  categories: {
    // The first rule that fits takes a result.
    rules: [
      { name: "Not conformant", matchers: { statuses: ["failed"] } },
      { name: "Card not left as found", matchers: { statuses: ["broken"], message: /not restored:/ } },
      { name: "Harness", matchers: { statuses: ["broken"], message: /fault of the harness/ } },
      { name: "Inconclusive", matchers: { statuses: ["broken"] } },
    ],
  },
  variables: { notice: "Independent work, not endorsed by GSMA", ...about },
  plugins: {
    awesome: {
      options: { reportName: name, singleFile: true, theme: "auto", groupBy: ["epic", "feature", "story"] },
    },
  },
};
