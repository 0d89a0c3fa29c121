// The square of one picture that is to be used: it never leaves the picture.

export const MOST = 4; // times that one can zoom in

const within = (value, low, high) => Math.min(Math.max(value, low), high);

export class Square {
  zoom = 1;

  constructor({ width, height }) {
    Object.assign(this, { width, height, centre: { x: width / 2, y: height / 2 } });
  }

  get side() {
    return Math.min(this.width, this.height) / this.zoom;
  }

  // In the picture's pixels: its top left corner and its side.
  get cut() {
    return { x: this.centre.x - this.side / 2, y: this.centre.y - this.side / 2, side: this.side };
  }

  // By parts of its own side.
  move(across, down) {
    this.#to(this.centre.x + across * this.side, this.centre.y + down * this.side);
  }

  // What is at the point stays there; its x and y are parts of the side.
  zoomTo(zoom, { x, y } = { x: 0.5, y: 0.5 }) {
    const before = this.side;
    this.zoom = within(zoom, 1, MOST);
    const grown = before - this.side;
    this.#to(this.centre.x + (x - 0.5) * grown, this.centre.y + (y - 0.5) * grown);
  }

  #to(x, y) {
    const half = this.side / 2;
    this.centre = { x: within(x, half, this.width - half), y: within(y, half, this.height - half) };
  }
}
