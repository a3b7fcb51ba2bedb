// What the playground's page makes of a request, without a browser. Requests come as JSON on
// standard input, a list of [call, ...arguments]; the answers go out the same way.

import { readFileSync } from "node:fs";
import { codeOf, csvOf } from "../fastnn/playground/page/code.js";
import * as data from "../fastnn/playground/page/data.js";
import { describe } from "../fastnn/playground/page/net.js";
import { fromHash, toHash } from "../fastnn/playground/page/settings.js";

const base64 = (array) => Buffer.from(array.buffer).toString("base64");

function pointsOf(settings) {
  const points = data.makePoints(settings, data.unpackPoints(settings.drawn));
  return data.split(points, settings.percent);
}

const calls = {
  settings: (hash) => [fromHash(hash), toHash(fromHash(hash))],
  drawn: (list) => data.unpackPoints(data.packPoints(list)),
  toPlace: data.toPlace,
  net(hash) {
    const settings = fromHash(hash);
    const points = pointsOf(settings);
    const { numbers, data } = describe(settings, points);
    return {
      numbers: base64(numbers), data: base64(data), table: csvOf(points), batch: settings.batch,
      fastnn: codeOf(settings, "fastnn"), torch: codeOf(settings, "torch"),
    };
  },
  table(bytes, places, problem) {
    try {
      const rows = data.readCsv(data.decode(new Uint8Array(Buffer.from(bytes, "base64")).buffer));
      const [x, y, target] = places ?? [0, 1, rows[0].length - 1];
      return { names: rows[0], ...data.tablePoints({ rows, x, y, target }, problem) };
    } catch (error) {
      return { error: error.message };
    }
  },
};

const answers = JSON.parse(readFileSync(0, "utf8")).map(([call, ...given]) => calls[call](...given));
process.stdout.write(JSON.stringify(answers));
