# The platform's image; docker-compose.yml runs the web server and the workers from it.

FROM node:24-slim AS browser
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts

FROM python:3.12-slim
WORKDIR /opt/deeplab
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY configs configs
COPY deeplab deeplab
COPY worker worker
COPY web web
COPY migrations migrations
COPY --from=browser \
    /build/node_modules/htmx.org/dist/htmx.min.js \
    /build/node_modules/bootstrap/dist/css/bootstrap.min.css \
    /build/node_modules/uplot/dist/uPlot.iife.min.js \
    /build/node_modules/uplot/dist/uPlot.min.css \
    web/static/vendor/
RUN pip install --no-cache-dir --constraint constraints.txt .

# A named volume takes over the owner of the folder that it covers.
RUN useradd --create-home deeplab && install --directory --owner deeplab /home/deeplab/platform
USER deeplab
WORKDIR /home/deeplab
ENV DEEPLAB_HOME=/home/deeplab/platform
ENTRYPOINT ["deeplab"]
CMD ["--help"]
