# The demo in a container: docker build -t meltemi . && docker run -p 8080:8080 -p 20001:20001 meltemi
FROM node:24-slim
WORKDIR /meltemi
RUN chown node:node .
USER node
COPY --chown=node:node . .
RUN npm ci --no-audit --no-fund
EXPOSE 8080 20001
# Binding to an address that others can reach asks for the token that is printed at the start.
CMD ["npm", "start", "--", "--bind", "0.0.0.0"]
