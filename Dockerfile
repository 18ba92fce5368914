# The platform's image; docker-compose.yml runs the web server and the workers from it.

FROM python:3.12-slim
WORKDIR /opt/deeplab
COPY package-lock.json ./
COPY tools tools
RUN python tools/vendor.py web/static/vendor
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY configs configs
COPY deeplab deeplab
COPY worker worker
COPY web web
COPY migrations migrations
RUN pip install --no-cache-dir --constraint constraints.txt .

# A named volume takes over the owner of the folder that it covers.
RUN useradd --create-home deeplab && install --directory --owner deeplab /home/deeplab/platform
USER deeplab
WORKDIR /home/deeplab
ENV DEEPLAB_HOME=/home/deeplab/platform
ENTRYPOINT ["deeplab"]
CMD ["--help"]
