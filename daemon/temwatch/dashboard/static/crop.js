// A piece of a frame's preview around one object, with its outline in the colour and line pattern of a class.

import { frame, picture } from "./api.js";
import { styleOf } from "./classes.js";
import { corners } from "./geometry.js";

/** Draw the object with half as much again around it. */
export async function cut(canvas, { frame_id, rectangle, class: name }) {
  const [image, got] = await Promise.all([picture(frame_id), frame(frame_id)]);
  if (!image || !got.report) return;
  const [rows, cols] = got.report.shape;
  const side = Math.max(24, rectangle.length_px * 1.6);
  const [sx, sy] = [image.width / cols, image.height / rows];
  const [left, top] = [rectangle.col - side / 2, rectangle.row - side / 2];
  const context = canvas.getContext("2d");
  const s = canvas.width / side;
  context.drawImage(image, (left + 0.5) * sx, (top + 0.5) * sy, side * sx, side * sy, 0, 0, canvas.width, canvas.height);
  context.beginPath();
  corners(rectangle).forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"]((x - left) * s, (y - top) * s));
  context.closePath();
  Object.assign(context, { strokeStyle: "#0009", lineWidth: 6 });
  context.stroke();
  const style = styleOf(name);
  context.setLineDash(style.dash ? style.dash.split(" ").map((n) => 2 * n) : []);
  Object.assign(context, { strokeStyle: style.colour, lineWidth: 3 });
  context.stroke();
}
