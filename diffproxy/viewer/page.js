"use strict";
// Skinned bodies over time, from the GLB files in the page's data: linear blend skinning in a vertex shader.
const $ = id => document.getElementById(id);
const DATA = JSON.parse($("data").textContent);
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

// --- matrices, column by column as WebGL wants them -------------------------------------------------------------
const multiply = (a, b) => {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++)
    for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
};
const compose = (t, q, s) => {
  const [x, y, z, w] = q;
  return new Float32Array([
    s[0] * (1 - 2 * (y * y + z * z)), s[0] * 2 * (x * y + z * w), s[0] * 2 * (x * z - y * w), 0,
    s[1] * 2 * (x * y - z * w), s[1] * (1 - 2 * (x * x + z * z)), s[1] * 2 * (y * z + x * w), 0,
    s[2] * 2 * (x * z + y * w), s[2] * 2 * (y * z - x * w), s[2] * (1 - 2 * (x * x + y * y)), 0,
    t[0], t[1], t[2], 1]);
};
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = a => { const n = Math.hypot(...a) || 1; return a.map(x => x / n); };
const lookAt = (eye, target) => {
  const back = unit(sub(eye, target)), right = unit(cross([0, 1, 0], back)), up = cross(back, right);
  const dot = a => -(a[0] * eye[0] + a[1] * eye[1] + a[2] * eye[2]);
  return new Float32Array([right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    dot(right), dot(up), dot(back), 1]);
};
const NEAR = 0.05, FAR = 200;
const perspective = (fx, fy, cx, cy) => new Float32Array([  // focal lengths and centre in half sizes of the window
  fx, 0, 0, 0, 0, fy, 0, 0, -cx, -cy, (FAR + NEAR) / (NEAR - FAR), -1, 0, 0, 2 * FAR * NEAR / (NEAR - FAR), 0]);

// --- bodies -----------------------------------------------------------------------------------------------------
const ARRAYS = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const WIDTH = { SCALAR: 1, VEC3: 3, VEC4: 4, MAT4: 16 };
function parseGlb(data) {
  const head = new DataView(data.buffer), size = head.getUint32(12, true);
  const tree = JSON.parse(new TextDecoder().decode(data.subarray(20, 20 + size)));
  const start = 28 + size;
  const array = index => {
    const a = tree.accessors[index], view = tree.bufferViews[a.bufferView];
    return new ARRAYS[a.componentType](data.buffer, start + view.byteOffset, a.count * WIDTH[a.type]);
  };
  return { tree, array };
}
class Body {
  constructor(entry) {
    const { tree, array } = parseGlb(bytes(entry.glb));
    const primitive = tree.meshes[0].primitives[0], skin = tree.skins[0];
    this.entry = entry;
    this.mesh = Object.fromEntries(Object.entries(primitive.attributes).map(([k, v]) => [k, array(v)]));
    this.indices = array(primitive.indices);
    this.nearest = bytes(entry.nearest);
    this.observed = bytes(entry.observed);  // frame by frame, 0..255
    this.deviation = bytes(entry.deviation);  // millimetres, at most 255
    this.joints = skin.joints;
    this.bind = array(skin.inverseBindMatrices);
    this.nodes = tree.nodes.map(n => ({ translation: [0, 0, 0], rotation: [0, 0, 0, 1], scale: [1, 1, 1], ...n }));
    this.parent = [];
    this.nodes.forEach((n, i) => (n.children || []).forEach(c => { this.parent[c] = i; }));
    const clip = tree.animations[0];
    this.channels = clip.channels.map(c => ({ ...c.target, values: array(clip.samplers[c.sampler].output) }));
  }
  pose(frame) {  // world matrices of the joints; all samplers have one key per frame
    const local = this.nodes.map(n => ({ translation: n.translation, rotation: n.rotation, scale: n.scale }));
    for (const c of this.channels) {
      const w = c.path === "rotation" ? 4 : 3;
      local[c.node][c.path] = c.values.subarray(w * frame, w * frame + w);
    }
    const world = [];
    for (const j of this.joints) {  // parents come first
      const own = compose(local[j].translation, local[j].rotation, local[j].scale);
      world[j] = this.parent[j] === undefined ? own : multiply(world[this.parent[j]], own);
    }
    return this.joints.map(j => world[j]);
  }
}
const bodies = DATA.bodies.map(b => new Body(b));
const place = m => [m[12], m[13], m[14]];
window.jointsAt = frame => bodies.map(b => b.pose(frame).map(place));

// --- drawing ----------------------------------------------------------------------------------------------------
const gl = $("view").getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
if (!gl) $("fail").style.display = "block";
const vec = c => `vec3(${c.map(x => x.toFixed(4))})`, HEAT = DATA.deviation_colors.map(vec);
const SKIN_SHADER = [`#version 300 es
uniform mat4 clip_world; uniform highp sampler2D bones, support; uniform int color_by; uniform vec3 base;
in vec3 POSITION, NORMAL; in uvec4 JOINTS_0; in vec4 WEIGHTS_0; in float nearest;
out vec3 normal, color, point;
mat4 bone(uint j) { int r = int(j); return mat4(texelFetch(bones, ivec2(0, r), 0), texelFetch(bones, ivec2(1, r), 0),
  texelFetch(bones, ivec2(2, r), 0), texelFetch(bones, ivec2(3, r), 0)); }
void main() {
  mat4 m = WEIGHTS_0.x * bone(JOINTS_0.x) + WEIGHTS_0.y * bone(JOINTS_0.y) + WEIGHTS_0.z * bone(JOINTS_0.z)
    + WEIGHTS_0.w * bone(JOINTS_0.w);
  vec2 s = texelFetch(support, ivec2(0, int(nearest)), 0).xy;
  normal = mat3(m) * NORMAL;
  float far = clamp(s.y / ${DATA.deviation_red.toFixed(4)}, 0.0, 1.0);
  vec3 heat = mix(mix(${HEAT[0]}, ${HEAT[1]}, min(2.0 * far, 1.0)), ${HEAT[2]},
    max(2.0 * far - 1.0, 0.0));
  color = color_by == 1 ? heat : (s.x < ${DATA.unobserved_below.toFixed(4)} ? ${vec(DATA.unobserved_color)} : base);
  vec4 world = m * vec4(POSITION, 1.0);
  point = world.xyz;
  gl_Position = clip_world * world;
}`, `#version 300 es
precision highp float;
uniform vec3 eye; uniform float opacity; in vec3 normal, color, point; out vec4 pixel;
void main() {
  vec3 n = normalize(normal), to = normalize(eye - point);
  float light = 0.3 + 0.5 * abs(dot(n, to)) + 0.3 * max(dot(n, normalize(vec3(0.4, 0.9, 0.3))), 0.0);
  pixel = vec4(min(color * light, 1.0), opacity);
}`];
const FLAT_SHADER = [`#version 300 es
uniform mat4 clip_world; in vec3 corner; in vec2 uv; out vec2 at; void main() { at = uv; gl_Position = clip_world * vec4(corner, 1.0); }`,
`#version 300 es
precision highp float;
uniform vec4 tint; uniform bool textured; uniform sampler2D picture; in vec2 at; out vec4 pixel;
void main() { pixel = textured ? vec4(texture(picture, at).rgb, tint.a) : tint; }`];
function program([vertex, fragment]) {
  const p = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source); gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(p, shader);
  }
  gl.linkProgram(p);
  if (!gl.getProgramParameter(p, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(p));
  return p;
}
const floatTexture = () => {
  const t = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, t);
  for (const k of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, k, gl.NEAREST);
  return t;
};
function upload(body, shader) {
  body.vao = gl.createVertexArray();
  gl.bindVertexArray(body.vao);
  const fill = (name, array, width) => {
    const at = gl.getAttribLocation(shader, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    if (name === "JOINTS_0") gl.vertexAttribIPointer(at, width, gl.UNSIGNED_BYTE, 0, 0);
    else gl.vertexAttribPointer(at, width, gl.FLOAT, false, 0, 0);
  };
  for (const name of ["POSITION", "NORMAL", "JOINTS_0", "WEIGHTS_0"]) fill(name, body.mesh[name], name.includes("_") ? 4 : 3);
  fill("nearest", Float32Array.from(body.nearest), 1);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, body.indices, gl.STATIC_DRAW);
  gl.bindVertexArray(null);
  body.bones = floatTexture(); body.support = floatTexture();
}

// --- what is drawn beside the bodies ----------------------------------------------------------------------------
const toWorld = (c, x, y, depth) => {  // a pixel of a camera at a depth
  const p = [depth * (x - c.K[0][2]) / c.K[0][0] - c.t[0], depth * (y - c.K[1][2]) / c.K[1][1] - c.t[1], depth - c.t[2]];
  return [0, 1, 2].map(k => c.R[0][k] * p[0] + c.R[1][k] * p[1] + c.R[2][k] * p[2]);
};
const cornersOf = (c, depth) => [[0, 0], [c.width, 0], [c.width, c.height], [0, c.height]].map(p => toWorld(c, ...p, depth));
const centerOf = c => toWorld(c, c.K[0][2], c.K[1][2], 0);
const frustumLines = (c, depth) => {
  const q = cornersOf(c, depth), o = centerOf(c);
  return q.flatMap((p, i) => [...o, ...p, ...p, ...q[(i + 1) % 4]]);
};
function gridLines(y, center) {
  const out = [];
  for (let i = -5; i <= 5; i++) for (const [a, b] of [[[i, -5], [i, 5]], [[-5, i], [5, i]]])
    out.push(center[0] + a[0], y, center[2] + a[1], center[0] + b[0], y, center[2] + b[1]);
  return out;
}
const pictureCache = new Map();
function pictureOf(camera, frame) {  // the last stored picture up to this frame
  const stored = (DATA.pictures[camera.name] || []).filter(p => p[0] <= frame).pop();
  if (!stored) return null;
  const key = camera.name + " " + stored[0];
  if (!pictureCache.has(key)) {
    const texture = gl.createTexture(), image = new Image();
    pictureCache.set(key, { texture, ready: false });
    image.onload = () => {
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, image);
      for (const k of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, k, gl.LINEAR);
      for (const k of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, k, gl.CLAMP_TO_EDGE);
      pictureCache.get(key).ready = true; draw();
    };
    image.src = "data:image/jpeg;base64," + stored[1];
  }
  const found = pictureCache.get(key);
  return found.ready ? found.texture : null;
}

// --- the scene --------------------------------------------------------------------------------------------------
const middle = DATA.center, floor = DATA.floor;
const view = { yaw: 0.6, pitch: 0.25, distance: DATA.distance, target: [...middle] };
let frame = 0, through = null, playing = false, shaders = null, buffer = null;
const size = DATA.frustum;
function eyeMatrices(width, height) {
  if (through) {
    const c = through, scale = Math.min(width / c.width, height / c.height);
    const [w, h] = [width / scale, height / scale];  // window in pixels of the camera, its picture in the middle
    const [ox, oy] = [(w - c.width) / 2, (h - c.height) / 2];
    const p = perspective(2 * c.K[0][0] / w, 2 * c.K[1][1] / h, 2 * (c.K[0][2] + ox) / w - 1, 1 - 2 * (c.K[1][2] + oy) / h);
    const m = new Float32Array(16);  // OpenCV axes to those of WebGL: y and z change sign
    for (let k = 0; k < 3; k++) { m[4 * k] = c.R[0][k]; m[4 * k + 1] = -c.R[1][k]; m[4 * k + 2] = -c.R[2][k]; }
    m[12] = c.t[0]; m[13] = -c.t[1]; m[14] = -c.t[2]; m[15] = 1;
    return { clip: multiply(p, m), eye: centerOf(c) };
  }
  const { yaw, pitch, distance, target } = view;
  const eye = [target[0] + distance * Math.cos(pitch) * Math.sin(yaw), target[1] + distance * Math.sin(pitch),
    target[2] + distance * Math.cos(pitch) * Math.cos(yaw)];
  const f = 1 / Math.tan(Math.PI / 8);
  return { clip: multiply(perspective(f * height / width, f, 0, 0), lookAt(eye, target)), eye };
}
function flat(clip, corners, mode, tint, uv = null, texture = null) {
  const s = shaders.flat, at = gl.getAttribLocation(s, "corner"), uvAt = gl.getAttribLocation(s, "uv");
  gl.useProgram(s); gl.bindVertexArray(null);
  gl.uniformMatrix4fv(gl.getUniformLocation(s, "clip_world"), false, clip);
  gl.uniform4fv(gl.getUniformLocation(s, "tint"), tint);
  gl.uniform1i(gl.getUniformLocation(s, "textured"), texture ? 1 : 0);
  gl.activeTexture(gl.TEXTURE0); gl.bindTexture(gl.TEXTURE_2D, texture);
  const count = corners.length / 3, all = new Float32Array(5 * count);
  for (let i = 0; i < count; i++) {
    all.set(corners.slice(3 * i, 3 * i + 3), 5 * i);
    if (uv) all.set(uv.slice(2 * i, 2 * i + 2), 5 * i + 3);
  }
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, all, gl.DYNAMIC_DRAW);
  gl.enableVertexAttribArray(at); gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 20, 0);
  gl.enableVertexAttribArray(uvAt); gl.vertexAttribPointer(uvAt, 2, gl.FLOAT, false, 20, 12);
  gl.drawArrays(mode, 0, count);
}
function drawPicture(clip, camera, depth, alpha) {
  const texture = $("pictures").checked && pictureOf(camera, frame);
  if (!texture) return;
  const [a, b, c, d] = cornersOf(camera, depth);
  flat(clip, [...a, ...b, ...c, ...a, ...c, ...d], gl.TRIANGLES, [1, 1, 1, alpha], [0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1], texture);
}
function drawBody(body, clip, eye) {
  const joints = body.pose(frame), s = shaders.skin, count = joints.length;
  if ($("skin").checked) {
    gl.useProgram(s); gl.bindVertexArray(body.vao);
    const matrices = new Float32Array(16 * count), support = new Float32Array(4 * count);
    joints.forEach((m, j) => {
      matrices.set(multiply(m, body.bind.subarray(16 * j, 16 * j + 16)), 16 * j);
      support[4 * j] = body.observed[count * frame + j] / 255; support[4 * j + 1] = body.deviation[count * frame + j];
    });
    gl.activeTexture(gl.TEXTURE0); gl.bindTexture(gl.TEXTURE_2D, body.bones);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 4, count, 0, gl.RGBA, gl.FLOAT, matrices);
    gl.activeTexture(gl.TEXTURE1); gl.bindTexture(gl.TEXTURE_2D, body.support);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 1, count, 0, gl.RGBA, gl.FLOAT, support);
    gl.uniform1i(gl.getUniformLocation(s, "bones"), 0); gl.uniform1i(gl.getUniformLocation(s, "support"), 1);
    gl.uniform1i(gl.getUniformLocation(s, "color_by"), Number($("color").value));
    gl.uniform3fv(gl.getUniformLocation(s, "base"), body.entry.color);
    gl.uniform3fv(gl.getUniformLocation(s, "eye"), eye);
    gl.uniformMatrix4fv(gl.getUniformLocation(s, "clip_world"), false, clip);
    gl.uniform1f(gl.getUniformLocation(s, "opacity"), through ? 0.7 : 1);
    const kind = body.indices instanceof Uint16Array ? gl.UNSIGNED_SHORT : gl.UNSIGNED_INT;
    for (const colored of through ? [false, true] : [true]) {  // depth first, so that only the nearest skin is blended
      gl.colorMask(colored, colored, colored, colored); gl.depthFunc(gl.LEQUAL);
      gl.drawElements(gl.TRIANGLES, body.indices.length, kind, 0);
    }
  }
  if ($("bones").checked) {
    const lines = body.joints.flatMap((n, j) => {
      const above = body.joints.indexOf(body.parent[n]);
      return above < 0 ? [] : [...place(joints[above]), ...place(joints[j])];
    });
    gl.disable(gl.DEPTH_TEST); flat(clip, lines, gl.LINES, [1, 0.85, 0.3, 1]); gl.enable(gl.DEPTH_TEST);
  }
}
function draw() {
  if (!gl) return;
  if (!shaders) {
    shaders = { skin: program(SKIN_SHADER), flat: program(FLAT_SHADER) };
    buffer = gl.createBuffer();
    bodies.forEach(b => upload(b, shaders.skin));
  }
  const canvas = $("view"), ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio); canvas.height = Math.round(canvas.clientHeight * ratio);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0.125, 0.14, 0.16, 1); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST); gl.enable(gl.BLEND); gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  const { clip, eye } = eyeMatrices(canvas.width, canvas.height);
  if (through) drawPicture(clip, through, 0.9 * FAR, 1);
  else flat(clip, gridLines(floor, middle), gl.LINES, [0.4, 0.43, 0.46, 0.6]);
  bodies.forEach(b => { if (b.entry.shown[frame]) drawBody(b, clip, eye); });
  for (const c of through ? [] : DATA.cameras) {
    const away = sub(eye, centerOf(c)), behind = c.R[2][0] * away[0] + c.R[2][1] * away[1] + c.R[2][2] * away[2] < 0;
    drawPicture(clip, c, size, behind ? 0.35 : 0.95);  // the person is on the far side of it
    if ($("frusta").checked) flat(clip, frustumLines(c, size), gl.LINES, [0.55, 0.75, 1, 0.9]);
  }
}

// --- controls ---------------------------------------------------------------------------------------------------
const grade = status => DATA.grades[status] || "bad";
function show(next) {
  frame = Math.max(0, Math.min(DATA.frame_ids.length - 1, next));
  $("time").value = frame;
  $("frame").textContent = `frame ${DATA.frame_ids[frame]}`;
  $("status").replaceChildren(...DATA.bodies.flatMap(b => {
    const line = document.createElement("div"), word = document.createElement("b");
    word.style.color = DATA.grade_colors[grade(b.status[frame])]; word.textContent = b.status[frame];
    line.append(DATA.bodies.length > 1 ? `${b.name}: ` : "", word, b.reason[frame] ? ` · ${b.reason[frame]}` : "");
    return [line];
  }));
  draw();
}
function strip() {
  const canvas = $("strip"), pen = canvas.getContext("2d");
  canvas.width = DATA.frame_ids.length;
  DATA.frame_ids.forEach((_, k) => {
    const grades = DATA.bodies.map(b => grade(b.status[k]));
    pen.fillStyle = DATA.grade_colors[["bad", "fair", "ok"].find(g => grades.includes(g)) || "ok"];
    pen.fillRect(k, 0, 1, 1);
  });
}
let last = 0, ahead = 0;
function tick(now) {
  if (!playing) return;
  ahead += (now - last) / 1000 * DATA.fps * Number($("speed").value); last = now;
  const whole = Math.floor(ahead);
  if (whole) { ahead -= whole; show((frame + whole) % DATA.frame_ids.length); }
  requestAnimationFrame(tick);
}
function play(on) {
  playing = on; $("play").textContent = on ? "Pause" : "Play";
  if (on) { last = performance.now(); ahead = 0; requestAnimationFrame(tick); }
}
function lookFrom(name) { through = DATA.cameras.find(c => c.name === name) || null; $("camera").value = through ? name : ""; draw(); }
function controls() {
  $("time").max = DATA.frame_ids.length - 1;
  $("time").oninput = () => { play(false); show(Number($("time").value)); };
  $("play").onclick = () => play(!playing);
  $("camera").append(new Option("free view", ""), ...DATA.cameras.map(c => new Option(`through ${c.name}`, c.name)));
  $("camera").onchange = () => lookFrom($("camera").value);
  for (const id of ["skin", "bones", "frusta", "pictures", "color"]) $(id).onchange = draw;
  const canvas = $("view"), pointers = new Map();
  let spread = 0;
  canvas.onpointerdown = e => { canvas.setPointerCapture(e.pointerId); pointers.set(e.pointerId, e); spread = 0; };
  canvas.onpointerup = canvas.onpointercancel = e => pointers.delete(e.pointerId);
  canvas.oncontextmenu = e => e.preventDefault();
  canvas.onpointermove = e => {
    const before = pointers.get(e.pointerId);
    if (!before) return;
    if (through) lookFrom("");
    const [dx, dy] = [e.clientX - before.clientX, e.clientY - before.clientY];
    pointers.set(e.pointerId, e);
    const all = [...pointers.values()];
    if (all.length > 1) {
      const now = Math.hypot(all[0].clientX - all[1].clientX, all[0].clientY - all[1].clientY);
      if (spread) view.distance *= spread / now;
      spread = now;
    } else if (e.buttons & 2 || e.shiftKey) {
      const step = view.distance / canvas.clientHeight * 0.83;
      view.target[0] -= step * dx * Math.cos(view.yaw); view.target[2] += step * dx * Math.sin(view.yaw); view.target[1] += step * dy;
    } else {
      view.yaw -= 0.006 * dx; view.pitch = Math.max(-1.5, Math.min(1.5, view.pitch + 0.006 * dy));
    }
    draw();
  };
  canvas.onwheel = e => { e.preventDefault(); if (through) lookFrom(""); view.distance = Math.max(0.3, view.distance * Math.exp(0.001 * e.deltaY)); draw(); };
  window.onkeydown = e => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (step && e.target.tagName !== "SELECT") { play(false); show(frame + step); e.preventDefault(); }
    if (e.key === " ") { play(!playing); e.preventDefault(); }
  };
  window.onresize = draw;
}
controls(); strip();
// viewer.html#frame=12&camera=cam1&color=1&bones opens this view; #joints writes the joints' places into the page
const asked = new URLSearchParams(location.hash.slice(1));
if (asked.has("color")) $("color").value = asked.get("color");
if (asked.has("bones")) $("bones").checked = true;
for (const name of ["yaw", "pitch", "distance"]) if (asked.has(name)) view[name] = Number(asked.get(name));
if (asked.has("joints")) {
  const out = document.createElement("pre");
  out.id = "joints"; out.textContent = JSON.stringify(DATA.frame_ids.map((_, k) => window.jointsAt(k)));
  document.body.append(out);
}
show(Number(asked.get("frame") || 0));
if (asked.has("camera")) lookFrom(asked.get("camera"));
