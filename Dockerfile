# The platform's two images, which docker-compose.yml builds and runs. `web`: the dashboard, the JSON API and the command
# line, without torch. `worker`: what runs jobs. Another base, or this one by its digest: --build-arg PYTHON=...

ARG PYTHON=python:3.12-slim

FROM ${PYTHON} AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

FROM base AS requirements
COPY pyproject.toml ./
COPY tools/image_requirements.py tools/
RUN python tools/image_requirements.py .

FROM base AS browser-packages
COPY package-lock.json ./
COPY tools/vendor.py tools/
RUN python tools/vendor.py vendor

# Our own package, and nothing else, below /package. All that a change of the sources builds again.
FROM base AS package
COPY constraints.txt ./
COPY --from=requirements /build/build.txt ./
RUN pip install --constraint constraints.txt --requirement build.txt
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY migrations migrations
COPY deeplab deeplab
COPY worker worker
COPY web web
COPY --from=browser-packages /build/vendor web/static/vendor
RUN pip install --no-deps --no-build-isolation --prefix /package .

FROM base AS web-dependencies
COPY constraints.txt ./
COPY --from=requirements /build/web.txt ./
RUN pip install --constraint constraints.txt --requirement web.txt
# Whoever runs the containers owns the home inside the volume; a new volume takes over that everybody may make one.
RUN groupadd --gid 1000 deeplab && useradd --uid 1000 --gid 1000 --create-home deeplab \
 && install --directory --mode 1777 /var/lib/deeplab
# A user whom /etc/passwd does not know has no name and no folder otherwise.
ENV HOME=/home/deeplab LOGNAME=deeplab DEEPLAB_HOME=/var/lib/deeplab/home
ENTRYPOINT ["deeplab"]
CMD ["--help"]

FROM web-dependencies AS worker-dependencies
COPY --from=requirements /build/worker.txt ./
RUN pip install --constraint constraints.txt --requirement worker.txt

FROM web-dependencies AS web
COPY --from=package /package /usr/local
WORKDIR /home/deeplab
USER 1000:1000

FROM worker-dependencies AS worker
COPY --from=package /package /usr/local
WORKDIR /home/deeplab
USER 1000:1000
